/** The part of JSON Schema that channel files are described with. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
}

interface Key {
  readonly path: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
}

/** The text of docs/channels.md, of what the loader of channel files declares (mappings/schema/channel.schema.json). */
export function channelReference(schema: Schema): string {
  const sections = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    const rows = [{ path: name, isRequired, schema: member }, ...keysBelow(member, name)].map(rowOf);
    return `## ${name}\n| key | | what it says |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${head}${sections.join('\n')}`;
}

/** All keys that may stand below one, by the path that leads to each: `[]` is an entry of a list, `<name>` a name of one's own. */
function keysBelow(schema: Schema, path: string): Key[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const below = `${path}.${name}`;
    const isRequired = schema.required?.includes(name) ?? false;
    return [{ path: below, isRequired, schema: member }, ...keysBelow(member, below)];
  });
  const { items, additionalProperties: named, anyOf = [] } = schema;
  return [
    ...own,
    ...(items ? keysBelow(items, `${path}[]`) : []),
    ...(typeof named === 'object' ? keysBelow(named, `${path}.<name>`) : []),
    ...anyOf.flatMap((one) => keysBelow(one, path)),
  ];
}

function rowOf({ path, isRequired, schema }: Key): string {
  const words = schema.enum ?? schema.items?.enum;
  const choices = words === undefined ? '' : `: ${words.map((word) => `\`${String(word)}\``).join(', ')}`;
  const text = `${schema.description ?? ''}${choices}`.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  return `| \`${path}\` | ${isRequired ? 'needed' : ''} | ${text} |`;
}

const head = `<!-- Generated from mappings/schema/channel.schema.json by test/house/channel-reference.ts. -->
# Channel files
A channel is a YAML file in \`mappings/channels\` (\`SUTURE_CHANNELS\`): where messages enter, what is accepted, how they become FHIR, where
they leave. \`mappings/channels/hospital.yaml\` is one in use; \`mappings/channels/examples\` has one for each kind of destination. Start from there,
or from a draft that \`npm run suture -- infer FILE\` makes of your own files.

- A mistake is told with file, line, column and remedy, at the start and by \`npm run suture -- validate\`; it stops this channel and no other.
- \`\${NAME}\` and \`\${NAME:-default}\` take a value from the environment.
- Secrets are references to files: \`file:/run/secrets/NAME\`. Durations have units (\`500ms\`, \`2s\`, \`5m\`, \`24h\`, \`7d\`), and so have sizes (\`512KiB\`, \`16MiB\`).
- Editors complete and check with \`# yaml-language-server: $schema=../schema/channel.schema.json\` in the first line.
- How sources and destinations behave, and what to do when they do not: \`operations.md\`. Conditions and mappings: \`../mappings/README.md\`.

`;

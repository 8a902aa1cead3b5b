import { type DraftColumn, draftLayout, type LayoutDraft } from '#csv';
import type { MappingLibrary } from '#mapping';

/** Files of a draft, by their path below the folder of mappings. */
export type Draft = ReadonlyMap<string, string>;

/** Below it somebody has to look at a line. */
const SURE = 70;

/** Drafts a channel and a map for files of rows like the one that begins so. Throws `rejected` when it has no rows. */
export function inferRows(start: Buffer, name: string, library: MappingLibrary): Draft {
  const draft = draftLayout(start, library.set(library.usualLayers).layouts);
  const known =
    draft.isOfIt && draft.columns.every((column) => column.known) ? draft.nearest?.name : undefined;
  const map = known ?? `site.${name}`;
  const files = new Map([[`channels/${name.replaceAll('_', '-')}.yaml`, channelText(name, map, draft)]]);
  if (known === undefined) files.set(`csv/${name}.yaml`, mapText(name, map, draft, library));
  return files;
}

function channelText(name: string, map: string, { findings, rows }: LayoutDraft): string {
  const { dates } = findings;
  return [
    `# Drafted by suture infer from ${rows} rows. The percentages say how sure a line is: look at every ¿, then remove the remarks.`,
    `channel: ${name.replaceAll('_', '-')}`,
    'owner: unknown@site.example           # ¿: whom to call',
    'source:',
    '  directory:',
    `    path: inbox/${name}               # ¿: where the files arrive`,
    '    format:',
    '      csv:',
    `        encoding: ${findings.encoding}                 # ${findings.encoding === 'utf-8' ? 95 : 80} %`,
    `        delimiter: ${quoted(findings.delimiter === '\t' ? '\\t' : findings.delimiter)}                  # 95 %`,
    `        header: '${String(findings.header)}'                # 90 %`,
    `        decimal: ${quoted(findings.decimal)}                    # ${findings.decimal === ',' ? 90 : 80} %`,
    ...(dates === 'unknown'
      ? ['        # ¿: 03/04 could be March or April; say which, for instance dates: [dd/MM/yyyy]']
      : []),
    `    accept: [${map}]`,
    'transform:',
    '  mapping: csv',
    '  with:',
    '    time_zone: UTC                   # ¿: of moments that name none',
    '    assigner: urn:oid:2.16.840.1.113883.19.5   # ¿: who gives the numbers of patients',
    '',
  ].join('\n');
}

function quoted(sign: string): string {
  return `'${sign.replaceAll("'", "''")}'`;
}

function mapText(name: string, map: string, draft: LayoutDraft, library: MappingLibrary): string {
  const { nearest, columns, rows } = draft;
  const document = nearest && library.document(nearest.name);
  const unknown = columns.filter(({ known }) => known === undefined);
  const lines = [
    '# yaml-language-server: $schema=../schema/mapping.schema.json',
    `# Drafted by suture infer from ${rows} rows; the percentages say how sure a line is. Look at every ¿, then remove the remarks.`,
    nearest
      ? `# The columns are most like those of ${nearest.name}, whose maps it runs.`
      : '# No map that is there is like it.',
    `map: ${map}`,
    'source:',
    '  csv:',
    ...groupLines(draft),
    '    columns:',
    ...columns.map(columnLine),
    ...missingLines(draft),
    ...(document ? sectionOf(document, 'steps') : ['steps:', `  - create: ${map}.Basic`]),
    ...dropLines(document, unknown, nearest ? undefined : identifierOf(columns)),
  ];
  return `${[...lines, ...(nearest ? [] : basicLines(name, map, columns))].join('\n')}\n`;
}

function groupLines({ nearest, columns }: LayoutDraft): string[] {
  const has = (column: string) => columns.some(({ name }) => name === column);
  const group = (nearest?.group ?? []).filter(has);
  const lines = group.length > 0 ? [`    group: [${group.join(', ')}]`] : [];
  if (nearest?.patient !== undefined && has(nearest.patient)) lines.push(`    patient: ${nearest.patient}`);
  else lines.push('    # ¿: patient: the column that says whom a row is about');
  return lines;
}

function columnLine({ header, name, type, known, confidence, why }: DraftColumn): string {
  const headers = name === header ? '' : `, headers: [${quoted(header)}]`;
  const required = known && known.required !== 'no' ? `, required: ${known.required}` : '';
  const todo = confidence < SURE ? '¿ ' : '';
  return `      ${name}: { type: ${type}${headers}${required} }   # ${confidence} % ${todo}${why}`;
}

/** Those that the rules of the nearest layout read: the file lacks them. */
function missingLines({ nearest, columns }: LayoutDraft): string[] {
  const there = new Set(columns.map(({ name }) => name));
  const missing = nearest?.columns.filter(({ name }) => !there.has(name)) ?? [];
  return missing.length === 0
    ? []
    : [
        '      # Not in the file; rules read them.',
        ...missing.map(({ name, type }) => `      ${name}: ${type}`),
      ];
}

/** A section of a document that is written in YAML, with its key. */
function sectionOf(document: string, key: string): string[] {
  const lines = document.split('\n');
  const start = lines.indexOf(`${key}:`);
  if (start < 0) return [];
  const end = lines.findIndex((line, at) => at > start && /^\S/.test(line));
  return lines.slice(start, end < 0 ? undefined : end).filter((line) => line.trim() !== '');
}

function dropLines(
  document: string | undefined,
  unknown: readonly DraftColumn[],
  read: string | undefined,
): string[] {
  const own = document === undefined ? [] : sectionOf(document, 'drop').slice(1);
  const todo = unknown
    .filter(({ name }) => name !== read)
    .map(({ name }) => `  ${name}: '¿: map it, or say why not'`);
  return own.length + todo.length === 0 ? [] : ['drop:', ...own, ...todo];
}

/** The column of which no value comes twice, as far as one can see: the surest, or the first. */
function identifierOf(columns: readonly DraftColumn[]): string {
  return (
    (columns.find(({ header }) => /(?:^|[^a-z])(?:id|number|no|nr|key)$/i.test(header)) ?? columns[0])
      ?.name ?? ''
  );
}

function basicLines(name: string, map: string, columns: readonly DraftColumn[]): string[] {
  const id = identifierOf(columns);
  return [
    '---',
    '# ¿: Basic holds what has no other place. Choose the resource that the rows are, and map its elements.',
    `map: ${map}.Basic`,
    'source: csv/row',
    'create: Basic',
    `key: [${id}]                        # 40 % ¿: what identifies a row`,
    'set:',
    `  code: { value: { text: ${name} } }`,
    `  identifier: ${id}`,
  ];
}

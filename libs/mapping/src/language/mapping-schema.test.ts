import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { mappingFiles } from '../mapping-files.js';
import { mappingSchema, mappingTestSchema } from './mapping-schema.js';

const folder = new URL('../../../../mappings/schema/', import.meta.url);

describe('the schema that editors read', () => {
  test.each([
    ['mapping.schema.json', mappingSchema],
    ['mapping-test.schema.json', mappingTestSchema],
  ])('%s is what the loader accepts (UPDATE_SCHEMA=1 writes it)', (name, schema) => {
    const text = `${JSON.stringify(schema(), null, 2)}\n`;
    if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(new URL(name, folder), text);
    expect(readFileSync(new URL(name, folder), 'utf8')).toBe(text);
  });
});

type Schema = Readonly<Record<string, unknown>>;

/** Where `value` is not as the schema says; of JSON Schema as much as ours uses. */
function faults(value: unknown, schema: Schema, root: Schema, path = ''): string[] {
  const { $ref, anyOf, type, pattern, properties, additionalProperties, required, items } = schema;
  const known = [
    '$ref',
    'anyOf',
    'type',
    'pattern',
    'properties',
    'additionalProperties',
    'required',
    'items',
  ];
  const others = ['enum', 'const', 'minimum', 'description', 'title', '$schema', '$id', '$defs'];
  for (const key of Object.keys(schema)) expect([...known, ...others]).toContain(key);
  if (typeof $ref === 'string') {
    const name = $ref.replace('#/$defs/', '');
    return faults(value, (root['$defs'] as Record<string, Schema>)[name] as Schema, root, path);
  }
  if (Array.isArray(anyOf)) {
    const tried = (anyOf as Schema[]).map((one) => faults(value, one, root, path));
    return tried.some((one) => one.length === 0)
      ? []
      : [`${path}: none of ${tried.length}: ${tried.flat().join('; ')}`];
  }
  const kind = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  const kinds = type === undefined ? [kind] : [type].flat();
  if (!kinds.includes(kind) && !(kind === 'integer' && kinds.includes('number')))
    return [`${path} is ${kind}`];
  const found: string[] = [];
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) found.push(`${path} is none of them`);
  if ('const' in schema && schema['const'] !== value) found.push(`${path} is another`);
  if (typeof pattern === 'string' && !new RegExp(pattern).test(String(value)))
    found.push(`${path} looks other`);
  if (Array.isArray(value) && items)
    value.forEach((item, i) => found.push(...faults(item, items as Schema, root, `${path}[${i}]`)));
  if (kind !== 'object') return found;
  const object = value as Record<string, unknown>;
  for (const name of (required ?? []) as string[])
    if (!(name in object)) found.push(`${path}.${name} is missing`);
  for (const [name, inner] of Object.entries(object)) {
    const own = (properties as Record<string, Schema> | undefined)?.[name];
    if (own) found.push(...faults(inner, own, root, `${path}.${name}`));
    else if (additionalProperties === false) found.push(`${path}.${name} is unknown`);
    else if (typeof additionalProperties === 'object')
      found.push(...faults(inner, additionalProperties as Schema, root, `${path}.${name}`));
  }
  return found;
}

describe('what ships is as the schemas say: maps, patches of layers, tests', () => {
  const mappings = fileURLToPath(new URL('..', folder));
  const files = ['ccda', 'hl7v2', 'layers'].flatMap((name) => mappingFiles(mappings, name, '.yaml'));
  test.each(files.filter((file) => !file.endsWith('.golden.yaml')))('%s', (file) => {
    const schema = file.endsWith('.test.yaml') ? mappingTestSchema() : mappingSchema();
    const documents = parseAllDocuments(readFileSync(`${mappings}${file}`, 'utf8'));
    for (const document of documents) expect(faults(document.toJS(), schema, schema)).toEqual([]);
  });

  test.each([
    ['a key nobody knows', 'patch: a\nfoo: b\n'],
    ['a step without a map', 'patch: a\nsteps: [{ from: OBX }]\n'],
    ['a drop without a reason', 'patch: a\ndrop: [PID-1]\n'],
    ['a map that is no map', 'map: a\nset: { name: PID-5 }\n'],
  ])('%s is marked by the editor', (_name, text) => {
    const schema = mappingSchema();
    const [document] = parseAllDocuments(text);
    expect(faults(document?.toJS(), schema, schema)).not.toEqual([]);
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
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

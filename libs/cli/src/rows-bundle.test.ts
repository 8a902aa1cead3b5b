import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ResourceText } from './resource-spill.js';
import { RowsBundle } from './rows-bundle.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The file that is written, and its resources by their fullUrl. */
function written(resources: readonly ResourceText[], heldMax: number) {
  const path = join(folder, 'a.json');
  const bundle = new RowsBundle(path, 1_000, heldMax);
  for (const resource of resources) bundle.add(resource);
  const isWritten = bundle.write(() => {});
  bundle.close(isWritten);
  if (!isWritten) return { text: '', entries: [] };
  const text = readFileSync(path, 'utf8');
  const { type, entry } = JSON.parse(text) as {
    type: string;
    entry: { fullUrl: string; resource: object }[];
  };
  expect(type).toBe('collection');
  return { text, entries: entry.map(({ fullUrl, resource }) => [fullUrl, JSON.stringify(resource)]) };
}

const resource = fc
  .record({
    id: fc.nat({ max: 30 }).map(String),
    merge: fc.constantFrom('snapshot' as const, 'update' as const, 'refer' as const),
    removals: fc.subarray(['gender', 'birthDate', 'extension:http://a b/\t']),
    members: fc.dictionary(
      fc.constantFrom('gender', 'birthDate', 'language', 'a\n"'),
      fc.string({ unit: 'binary' }),
    ),
  })
  .map(({ id, merge, removals, members }): ResourceText => {
    const text = JSON.stringify({ resourceType: 'Patient', id, ...members });
    return { key: `Patient/${id}`, merge, removals, text };
  });

describe('a bundle of rows', () => {
  test('holds each resource once, merged alike in memory and through a file, and the same bytes each time', () => {
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 200 }), fc.nat({ max: 2_000 }), (resources, heldMax) => {
        const held = written(resources, Number.POSITIVE_INFINITY);
        const spilled = written(resources, heldMax);
        expect([...spilled.entries].sort()).toEqual([...held.entries].sort());
        expect(written(resources, heldMax).text).toBe(spilled.text);
      }),
      { seed: 20251129, numRuns: 100 },
    );
  });

  test('takes resources longer than any buffer', () => {
    const long = (id: string): ResourceText => ({
      key: `Basic/${id}`,
      merge: 'snapshot',
      removals: [],
      text: JSON.stringify({ resourceType: 'Basic', id, note: '\u00e4'.repeat(600_000) }),
    });
    expect(written([long('1'), long('2'), long('1')], 0).entries).toHaveLength(2);
  });

  test('without a resource there is none, and nothing is left of a former one', () => {
    written(
      [{ key: 'Basic/1', merge: 'snapshot', removals: [], text: '{"resourceType":"Basic","id":"1"}' }],
      0,
    );
    expect(readdirSync(folder)).toEqual(['a.json']);
    written([], 0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

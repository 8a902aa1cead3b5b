import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commitsTo, type EntryFields, readEntry } from './read-entry.js';

const salt = Buffer.alloc(16, 9);

/** An entry of that version whose fhir is the HMAC over these parts. */
function entry(version: number, ...parts: (string | Buffer)[]): EntryFields {
  const hmac = createHmac('sha256', salt);
  for (const part of parts) hmac.update(part);
  const bytes = Buffer.alloc(152);
  bytes[0] = version;
  hmac.digest().copy(bytes, 88);
  const fields = readEntry(bytes);
  if (fields === undefined) throw new Error('the entry cannot be read');
  return fields;
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const lines = fc.array(
  fc.object().map((value) => JSON.stringify(value)),
  { maxLength: 4 },
);

describe('what an entry commits to', () => {
  test('version 2: the digests of the lines in their order, and no other lines', () => {
    fc.assert(
      fc.property(lines, lines, (own, others) => {
        const fields = entry(2, 'suture-fhir-v2\0', ...own.map(digest));
        const plain = (texts: readonly string[]) => Buffer.from(texts.join('\n'));
        expect(commitsTo(fields, 'fhir', salt, plain(own))).toBe(true);
        expect(commitsTo(fields, 'fhir', salt, plain(others))).toBe(own.join('\n') === others.join('\n'));
        expect(commitsTo(fields, 'fhir', salt, Buffer.from(`${own.join('\n')}\n`))).toBe(false);
        expect(commitsTo(fields, 'raw', salt, plain(own))).toBe(false);
      }),
    );
  });

  test('version 1: the FHIR bytes as a whole', () => {
    const fields = entry(1, 'suture-fhir-v1\0', '{"a":1}\n{}');
    expect(commitsTo(fields, 'fhir', salt, Buffer.from('{"a":1}\n{}'))).toBe(true);
    expect(commitsTo(fields, 'fhir', salt, Buffer.from('{"a":1}{}'))).toBe(false);
  });

  test('another version is no entry, and a salt of another length opens nothing', () => {
    expect(readEntry(Buffer.alloc(152, 3))).toBeUndefined();
    expect(commitsTo(entry(2, 'suture-fhir-v2\0'), 'fhir', salt.subarray(1), Buffer.alloc(0))).toBe(false);
  });
});

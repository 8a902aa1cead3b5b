import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { errorCodes, errorReference } from './error-reference.js';
import { readRepository, repositoryRoot } from './repository.js';

const repository = readRepository();

describe('the error reference', () => {
  // To write it anew: UPDATE_DOCS=1 NODE_OPTIONS=--experimental-vm-modules npx jest test/house/error-reference
  test('docs/errors.md says what the code says', () => {
    const reference = errorReference(repository);
    if (process.env['UPDATE_DOCS']) writeFileSync(join(repositoryRoot, 'docs/errors.md'), reference);
    else expect(repository.get('docs/errors.md')).toBe(reference);
  });

  test('a code has one kind, because the kind is what it decides', () => {
    const torn = errorCodes(repository).filter((known) => known.kinds.size > 1);
    expect(torn.map(({ code, kinds }) => `${code}: ${[...kinds].join(', ')}`)).toEqual([]);
  });

  test('codes are found in errors, in assertions and in functions that build errors', () => {
    const text = [
      "throw new EngineError('rejected', 'HL7_FIELD_MISSING', `reading ${place}: field missing`);",
      "assert(size > 0, 'TREE_EMPTY');",
      "function refuse(code: string, what: string) { return new EngineError('misconfigured', code, what); }",
      "refuse('CHANNEL_KEY_UNKNOWN', 'no such key');",
    ].join('\n');
    const found = errorCodes(new Map([['libs/hl7v2/src/a.ts', text]]));
    expect(found.map(({ code, kinds, messages }) => [code, [...kinds], [...messages]])).toEqual([
      ['CHANNEL_KEY_UNKNOWN', ['misconfigured'], ['no such key']],
      ['HL7_FIELD_MISSING', ['rejected'], ['reading …: field missing']],
      ['TREE_EMPTY', ['bug'], []],
    ]);
  });
});

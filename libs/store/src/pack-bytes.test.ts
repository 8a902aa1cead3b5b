import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deflatePack, inflatePack, plainPack, resourceAt, resourcesOf } from './pack-bytes.js';

describe('pack bytes', () => {
  test('what goes into a pack comes out byte for byte, whole and one by one', () => {
    const texts = fc.array(
      fc.object().map((value) => JSON.stringify(value)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(texts, (resources) => {
        const plain = inflatePack(deflatePack(plainPack(resources)));
        expect(resourcesOf(plain)).toEqual(resources);
        resources.forEach((text, position) => expect(resourceAt(plain, position)).toBe(text));
      }),
    );
  });

  test('a message without resources makes an empty pack', () => {
    expect(resourcesOf(inflatePack(deflatePack(plainPack([]))))).toEqual([]);
  });

  test('a position beyond the pack is a bug, not an empty resource', () => {
    expect(() => resourceAt(plainPack(['{}']), 1)).toThrow('PACK_POSITION_MISSING');
  });
});

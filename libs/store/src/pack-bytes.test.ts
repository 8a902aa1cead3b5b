import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BlockText,
  deflateBlock,
  inflated,
  PackUnfolder,
  packLine,
  resourceAt,
  resourcesOf,
  unfoldPack,
} from './pack-bytes.js';
import { splitSegments } from './pack-segments.js';

/** As the view folded_pack puts it together. */
function folded(at: number, length: number, block: Buffer = Buffer.alloc(0)): Buffer {
  const place = Buffer.alloc(8);
  place.writeInt32BE(at, 0);
  place.writeInt32BE(length, 4);
  return Buffer.concat([place, block]);
}

const plain = (resources: readonly string[]) => Buffer.from(resources.join('\n'));

const texts = fc.array(
  fc.object().map((value) => JSON.stringify(value)),
  { minLength: 1 },
);

describe('pack bytes', () => {
  test('what goes into a block comes out byte for byte, pack by pack and resource by resource', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), (packs) => {
        const plains = packs.map(plain);
        const block = deflateBlock(plains);
        const unfolder = new PackUnfolder();
        let at = 0;
        for (const [index, resources] of packs.entries()) {
          const length = plains[index]?.length ?? 0;
          const pack = unfolder.unfold(folded(at, length, index === 0 ? block : undefined));
          at += length + 1;
          expect(resourcesOf(pack)).toEqual(resources);
          resources.forEach((text, position) => expect(resourceAt(pack, position)).toBe(text));
        }
      }),
    );
  });

  test('a large pack alone is in segments, and a part of them, and comes out byte for byte', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 100 }), texts, (count, [text = '{}']) => {
        const resources = Array.from({ length: count }, (_, n) => `{"n":${n},"is":${text}}`);
        const block = deflateBlock([plain(resources)]);
        expect(block[0]).toBe(count < 32 ? 1 : 2);
        expect(resourcesOf(unfoldPack(folded(0, plain(resources).length, block)))).toEqual(resources);
        if (count < 32) return;
        const last = splitSegments(block).at(-1) ?? Buffer.alloc(0);
        expect(resourcesOf(inflated(last))).toEqual(resources.slice(16 * Math.floor((count - 1) / 16)));
      }),
    );
  });

  test('damaged segments are an error, never a part of the pack', () => {
    const block = deflateBlock([plain(Array.from({ length: 40 }, (_, n) => `{"n":${n}}`))]);
    for (const at of [1, 5, 9, 13]) {
      const damaged = Buffer.from(block);
      damaged.writeInt32BE(-1, at);
      expect(() => unfoldPack(folded(0, -1, damaged))).toThrow('PACK_SEGMENTS_DAMAGED');
    }
    expect(() => unfoldPack(folded(0, -1, block.subarray(0, 6)))).toThrow('PACK_SEGMENTS_DAMAGED');
  });

  test('a resource that came before in the block is written as its number, and read as what it says', () => {
    const text = new BlockText();
    const packs = [['{"a":1}', '{"b":2}'], [], ['{"b":2}', '{"c":3}', '{"c":3}'], ['{"c":3}']];
    const encoded = packs.map((resources) => text.encode(resources.map(packLine)));
    expect(encoded.map(String)).toEqual(['{"a":1}\n{"b":2}', '', '=1\n{"c":3}\n=4', '=4']);
    const block = deflateBlock(encoded);
    const unfolder = new PackUnfolder();
    let at = 0;
    for (const [index, resources] of packs.entries()) {
      const length = encoded[index]?.length ?? 0;
      expect(resourcesOf(unfolder.unfold(folded(at, length, block)))).toEqual(resources);
      at += length + 1;
    }
    const forged = deflateBlock([Buffer.from('=7'), Buffer.from('=0')]);
    expect(() => unfolder.unfold(folded(0, 2, forged))).toThrow('PACK_LINE_MISSING');
    expect(() => unfolder.unfold(folded(3, 2, forged))).toThrow('PACK_LINE_MISSING');
  });

  test('a forged pack whose repeats would fill the memory is refused', () => {
    const line = Buffer.alloc(1024 * 1024, 0x20);
    const repeats = Buffer.from(Array.from({ length: 600 }, () => '=0').join('\n'));
    const block = deflateBlock([line, repeats]);
    expect(() => unfoldPack(folded(line.length + 1, repeats.length, block))).toThrow('PACK_TOO_LARGE');
  });

  test('a pack that was stored before blocks were shared is all of its block', () => {
    expect(resourcesOf(unfoldPack(folded(0, -1, deflateBlock([plain(['{"a":1}', '{}'])]))))).toEqual([
      '{"a":1}',
      '{}',
    ]);
  });

  test('a message without resources makes an empty pack', () => {
    expect(resourcesOf(unfoldPack(folded(0, 0, deflateBlock([plain([])]))))).toEqual([]);
  });

  test('a position beyond the pack is a bug, not an empty resource', () => {
    expect(() => resourceAt(plain(['{}']), 1)).toThrow('PACK_POSITION_MISSING');
  });

  test('a damaged block spoils every pack in it, and none of another block', () => {
    const block = deflateBlock([plain(['{"a":1}']), plain(['{"b":2}'])]);
    const damaged = Buffer.from(block);
    damaged.fill(0xff, 1);
    const unfolder = new PackUnfolder();
    expect(() => unfolder.unfold(folded(0, 7, damaged))).toThrow();
    expect(() => unfolder.unfold(folded(7, 7))).toThrow('PACK_BLOCK_MISSING');
    expect(unfolder.unfold(folded(8, 7, block)).toString()).toBe('{"b":2}');
    expect(() => unfolder.unfold(folded(8, 9))).toThrow('PACK_BLOCK_SHORT');
  });
});

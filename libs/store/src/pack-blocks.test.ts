import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Breath } from '#kernel';
import { type FoldedPack, foldPacks, type PlainPack } from './pack-blocks.js';
import { packLine, unfoldPack } from './pack-bytes.js';

const KIB = 1024;

const packsOfMany = fc
  .array(
    fc.record({
      partition: fc.integer({ min: 0, max: 2 }),
      patient: fc.option(fc.bigInt({ min: 0n, max: 2n })),
      // Of few different lengths, so that lines come again.
      lines: fc.array(fc.constantFrom(0, 1, 20, 50, 100), { maxLength: 4 }),
    }),
    { maxLength: 12 },
  )
  .map((drawn) =>
    drawn.map(({ partition, patient, lines }, index): PlainPack => {
      const texts = lines.map((kib) => JSON.stringify('á'.repeat((kib * KIB) / 2)));
      return { position: { lane: 0, partition, seq: index + 1 }, patient, lines: texts.map(packLine) };
    }),
  );

const plainOf = (lines: PlainPack['lines']) =>
  Buffer.from(lines.map(({ bytes }) => bytes.toString()).join('\n'));

/** What a reader of one row gets: the row with the block, by partition and seq, as the view folded_pack joins them. */
function unfolded(packs: readonly PlainPack[], folded: readonly FoldedPack[], index: number): Buffer {
  const row = folded[index];
  const holder = packs.findIndex(
    ({ position }) => position.seq === row?.block && position.partition === packs[index]?.position.partition,
  );
  const place = Buffer.alloc(8);
  place.writeInt32BE(row?.at ?? -1, 0);
  place.writeInt32BE(row?.length ?? -1, 4);
  return unfoldPack(Buffer.concat([place, folded[holder]?.bytes ?? Buffer.alloc(0)]));
}

describe('blocks of packs', () => {
  test('every pack comes out of its block byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(packsOfMany, async (packs) => {
        const folded = await foldPacks(packs, new Breath());
        for (const [index, { lines }] of packs.entries()) {
          expect(unfolded(packs, folded, index).equals(plainOf(lines))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('only packs of one patient in one partition share a block, and no more than a reader may have to inflate', async () => {
    await fc.assert(
      fc.asyncProperty(packsOfMany, async (packs) => {
        const folded = await foldPacks(packs, new Breath());
        const blocks = new Map<string, PlainPack[]>();
        for (const [index, pack] of packs.entries()) {
          const name = `${pack.position.partition}-${folded[index]?.block}`;
          blocks.set(name, [...(blocks.get(name) ?? []), pack]);
        }
        for (const { at } of folded) expect(at).toBeLessThan(96 * KIB + packs.length);
        for (const sharing of blocks.values()) {
          if (sharing.length === 1) continue;
          expect(new Set(sharing.map(({ patient }) => patient)).size).toBe(1);
          expect(sharing[0]?.patient).not.toBeNull();
        }
      }),
      { numRuns: 40 },
    );
  });

  test('what messages of one patient repeat is stored once', async () => {
    const stay = Array.from({ length: 300 }, (_, n) => `{"resourceType":"Basic","id":"${n * 7919}"}`);
    const pack = (seq: number): PlainPack => {
      const texts = [...stay, `{"resourceType":"Basic","id":"${seq}"}`];
      return { position: { lane: 0, partition: 1, seq }, patient: 1n, lines: texts.map(packLine) };
    };
    const [alone] = await foldPacks([pack(1)], new Breath());
    const [first, second] = await foldPacks([pack(1), pack(2)], new Breath());
    expect(second).toMatchObject({ block: 1, at: (first?.length ?? 0) + 1 });
    expect(second?.bytes).toHaveLength(0);
    expect(first?.bytes.length).toBeLessThan((alone?.bytes.length ?? 0) * 1.5);
  });
});

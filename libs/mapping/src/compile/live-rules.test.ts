import { describe, expect, test } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { Run } from '../run/run.js';
import { SegmentBits } from '../run/segment-bits.js';
import { LiveRules } from './live-rules.js';
import type { Need } from './need.js';

const message = parseMessage(
  Buffer.from('MSH|^~\\&|A|B|C|D|20250101||ORU^R01|1|P|2.5.1\rOBX|1|NM|||||||||F\r'),
);
const bits = new SegmentBits();

/** Of all these rules, the names of those that run for the OBX of the message. */
function live(needs: Readonly<Record<string, Need>>): string[] {
  const run = new Run();
  run.begin(message, 'test', {}, 40);
  run.segmentBits = bits.of(message);
  run.segment = message.segments[1];
  const rules = new LiveRules(
    Object.entries(needs).map(([name, need]) => ({ name, need })),
    (some) => some.map(({ name }) => name),
  );
  const names = rules.of(run).map(({ name }) => name);
  // As one function, which is made when they are wanted often, they are the same.
  for (let n = 0; n < 1_000; n++) expect(rules.unrolled(run)).toBeUndefined();
  expect(rules.unrolled(run)).toEqual(names);
  return names;
}

describe('rules that find what they need', () => {
  const here: Need = { kind: 'segment', bit: bits.bitOf('OBX') };
  const elsewhere: Need = { kind: 'segment', bit: bits.bitOf('PV1') };
  const status: Need = { kind: 'field', bit: 1 << 11 };

  test('run, and others do not', () => {
    const unnamed: Need = { kind: 'name', bit: 1 };
    const needs: Record<string, Need> = {
      here,
      elsewhere,
      status,
      unnamed,
      unit: { kind: 'field', bit: 1 << 6 },
    };
    expect(live(needs)).toEqual(['here', 'status']);
  });

  test('need one of several, or all of them', () => {
    expect(
      live({
        any: { kind: 'any', parts: [elsewhere, status] },
        all: { kind: 'all', parts: [elsewhere, status] },
        both: { kind: 'all', parts: [here, status] },
        never: { kind: 'never' },
        always: { kind: 'nothing' },
      }),
    ).toEqual(['any', 'both', 'always']);
  });

  test('run when there are more names than bits', () => {
    const many = new SegmentBits();
    const late = Array.from({ length: 40 }, (_, n) => many.bitOf(`Z${n}`)).at(-1) ?? 0;
    expect(live({ late: { kind: 'segment', bit: late } })).toEqual(['late']);
  });
});

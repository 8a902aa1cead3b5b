import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { loadMappings } from '../load-mappings.js';
import { compareGolden, differenceText, type Golden, readGolden } from './golden.js';
import { updatedGolden } from './update-golden.js';

const root = join(import.meta.dirname, '../../../..');
const set = loadMappings(join(root, 'mappings'));

function made(fixture: string, change: (text: string) => string = (text) => text) {
  const text = readFileSync(join(root, 'test/fixtures/hl7v2', fixture), 'utf8');
  const message = parseMessage(Buffer.from(change(text)));
  const map = set.forMessage(
    message.first('MSH')?.value(9) ?? '',
    message.first('MSH')?.value(9, 1, 2) ?? '',
  );
  return map?.run(message, { tenant: 'test' }).resources ?? [];
}

function golden(text: string): Golden {
  const read = readGolden(text);
  if (typeof read === 'string') throw new Error(read);
  return read;
}

describe('golden', () => {
  test.each(['oru-r01/cbc-panel.hl7', 'adt-a01/admit.hl7', 'vxu-v04/two-vaccines.hl7'])(
    'what %s became is a golden that it meets, without ids',
    (fixture) => {
      const resources = made(fixture);
      const text = updatedGolden(undefined, resources);
      expect(compareGolden(golden(text), resources)).toEqual([]);
      for (const { id } of resources) expect(text).not.toContain(id);
    },
  );

  test('one changed value is one difference, at its place, whatever the order of resources', () => {
    const text = updatedGolden(undefined, made('oru-r01/critical-potassium.hl7'));
    const other = made('oru-r01/critical-potassium.hl7', (hl7) =>
      hl7.replace('|6.80|', '|6.8|'),
    ).toReversed();
    expect(compareGolden(golden(text), other).map(differenceText)).toEqual([
      'observation2.valueQuantity.value: "6.80" expected, "6.8" found',
    ]);
  });

  test('a resource too few and one too many are each told by name', () => {
    const resources = made('oru-r01/critical-potassium.hl7');
    const [first, ...rest] = resources;
    const text = updatedGolden(undefined, resources);
    expect(compareGolden(golden(text), rest).map(differenceText)).toContain(
      `messageHeader: "${first?.type}" expected, nothing found`,
    );
    const fewer = golden(updatedGolden(undefined, rest));
    expect(compareGolden(fewer, resources).map(differenceText).join()).toMatch(
      /^not in the golden: .*MessageHeader/,
    );
  });

  test('an update keeps names and comments of what is still right', () => {
    const resources = made('oru-r01/critical-potassium.hl7');
    const text = updatedGolden(undefined, resources)
      .replace('  observation2:\n', '  # potassium keeps its digits\n  kalium:\n')
      .replaceAll('$observation2', '$kalium')
      .replace('"6.80"', '"6.8"')
      .replace('value: 6.80', 'value: 6.8');
    const before = golden(text);
    expect(compareGolden(before, resources)).toHaveLength(1);
    const after = updatedGolden(before, resources);
    expect(after).toContain('# potassium keeps its digits\n  kalium:');
    expect(compareGolden(golden(after), resources)).toEqual([]);
  });

  test('what is no golden is said in words', () => {
    expect(readGolden('resources: [a]')).toMatch(/a golden has resources/);
    expect(readGolden('resources: { patient: { id: x } }')).toBe('patient has no resourceType');
  });
});

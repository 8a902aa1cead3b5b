import { describe, expect, test } from '@jest/globals';
import { messageOfRows, parseMessage } from '#hl7v2';
import { compileMessageCondition } from './message-condition.js';

const message = parseMessage(
  Buffer.from('MSH|^~\\&|A|B|C|D|20250101||ORU^R01^ORU_R01|1|T|2.5.1\rOBX|1|NM|GLU||5\rOBX|2|ST|NOTE||x\r'),
);

describe('condition of a channel file', () => {
  test.each([
    ["MSH-11.1 == 'T'", true],
    ["MSH-11 != 'T'", false],
    ["MSH-9.2 in ['R01', 'R32'] and OBX-3 == 'NOTE'", true],
    ["not (MSH-4 == 'B') or PID valued", false],
    ['PV1 not valued', true],
    ['count(OBX) > 1', true],
    ['OBX-14 valued', false],
  ])('%s is %s', (text, expected) => {
    expect(compileMessageCondition(text)(message)).toBe(expected);
  });

  test.each([
    ["sex == 'F'", true],
    ["PATIENT == 'P1'", true],
    ['sex valued and unknown not valued', true],
    ["flag in ['X', 'Y']", false],
    ['MSH-9 valued', false],
  ])('of rows: %s is %s', (text, expected) => {
    const rows = messageOfRows(
      'ROW',
      ['PATIENT', 'sex', 'flag'],
      [
        ['P1', '', 'A'],
        ['P1', 'F', ''],
      ],
    );
    expect(compileMessageCondition(text)(rows)).toBe(expected);
  });

  test.each(["MSH-11.1 = 'T'", 'MSH-11.1 ==', '', "MSH-11 | lower == 't'"])(
    '%s is refused with its place',
    (text) => {
      expect(() => compileMessageCondition(text)).toThrow(/CHANNEL_CONDITION_WRONG|character/);
    },
  );
});

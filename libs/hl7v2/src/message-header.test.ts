import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readMessageHeader } from './message-header.js';

const sample =
  'MSH|^~\\&|LAB^1.2.3^ISO|NORTH|HUB|CITY|20240305142233+0100||ORU^R01^ORU_R01|CTL1|P|2.5.1|7||AL|NE||UTF-8';
const read = (text: string, encoding: BufferEncoding = 'latin1') =>
  readMessageHeader(Buffer.from(text, encoding));

describe('readMessageHeader', () => {
  test('every field of a usual header is found', () => {
    expect(read(`${sample}\rPID|1\r`)).toMatchObject({
      defect: undefined,
      sendingApplication: 'LAB^1.2.3^ISO',
      sendingFacility: 'NORTH',
      receivingApplication: 'HUB',
      receivingFacility: 'CITY',
      dateTime: '20240305142233+0100',
      messageCode: 'ORU',
      triggerEvent: 'R01',
      messageStructure: 'ORU_R01',
      controlId: 'CTL1',
      processingId: 'P',
      version: '2.5.1',
      sequenceNumber: '7',
      acceptAcknowledgment: 'AL',
      applicationAcknowledgment: 'NE',
      characterSets: ['UTF-8'],
      isAcknowledgment: false,
      isLinkStart: false,
    });
  });

  test.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['nothing', ''],
  ])('the segment may end with %s', (_, end) => {
    expect(read(sample + end).characterSets).toEqual(['UTF-8']);
  });

  test('other separators, short and long MSH-2, a leading blank line and a byte order mark are understood', () => {
    expect(read(sample.replaceAll('|', '#').replaceAll('^', '*')).triggerEvent).toBe('R01');
    expect(read(sample.replaceAll('|', '\t')).triggerEvent).toBe('R01');
    expect(read(sample.replace('^~\\&', '^~\\&#')).separators.truncation).toBe('#');
    const short = read(sample.replace('^~\\&', '^~'));
    expect(short).toMatchObject({ defect: undefined, separators: { escape: '', subcomponent: '' } });
    expect(read(`  \r${sample}`).controlId).toBe('CTL1');
    expect(read(`\uFEFF${sample}`, 'utf8').controlId).toBe('CTL1');
    expect(read(`\uFEFF${sample}`, 'utf16le').controlId).toBe('CTL1');
    expect(read(sample, 'utf16le')).toMatchObject({ controlId: 'CTL1', wide: { label: 'utf-16le' } });
  });

  test.each([
    ['nothing at all', '', 'HL7_MSH_MISSING', 'AE', '100', 'MSH^1'],
    ['another segment first', 'PID|1||77\r', 'HL7_MSH_MISSING', 'AE', '100', 'MSH^1'],
    [
      'separators that repeat',
      sample.replace('^~\\&', '^^\\&'),
      'HL7_SEPARATORS_INVALID',
      'AE',
      '102',
      'MSH^1^2',
    ],
    ['no separators', 'MSH', 'HL7_SEPARATORS_INVALID', 'AE', '102', 'MSH^1^2'],
    ['an empty MSH-2', 'MSH||LAB|NORTH', 'HL7_SEPARATORS_INVALID', 'AE', '102', 'MSH^1^2'],
    ['letters for separators', 'MSHabcde', 'HL7_SEPARATORS_INVALID', 'AE', '102', 'MSH^1^2'],
    ['no MSH-9', sample.replace('ORU^R01^ORU_R01', ''), 'HL7_MESSAGE_TYPE_MISSING', 'AR', '101', 'MSH^1^9'],
    ['a header that is cut off', 'MSH|^~\\&|LAB|N', 'HL7_MESSAGE_TYPE_MISSING', 'AR', '101', 'MSH^1^9'],
    ['no MSH-10', sample.replace('CTL1', ''), 'HL7_CONTROL_ID_MISSING', 'AE', '101', 'MSH^1^10'],
    ['no MSH-12', sample.replace('2.5.1', ''), 'HL7_VERSION_MISSING', 'AR', '101', 'MSH^1^12'],
    ['version 3.0', sample.replace('2.5.1', '3.0'), 'HL7_VERSION_UNSUPPORTED', 'AR', '203', 'MSH^1^12'],
    ['version 2.0', sample.replace('2.5.1', '2.0'), 'HL7_VERSION_UNSUPPORTED', 'AR', '203', 'MSH^1^12'],
    ['version 2.10', sample.replace('2.5.1', '2.10'), 'HL7_VERSION_UNSUPPORTED', 'AR', '203', 'MSH^1^12'],
  ])('%s is a defect with its code of table 0357', (_, text, code, acknowledgment, condition, location) => {
    expect(read(text).defect).toMatchObject({ code, acknowledgment, condition, location });
  });

  test('every version from 2.1 to 2.9 is known', () => {
    const known = [
      '2.1',
      '2.2',
      '2.3',
      '2.3.1',
      '2.4',
      '2.5',
      '2.5.1',
      '2.6',
      '2.7',
      '2.7.1',
      '2.8',
      '2.8.2',
      '2.9',
    ];
    for (const version of [...known, '2.5.1^AUT']) {
      expect(read(sample.replace('2.5.1', version)).defect).toBeUndefined();
    }
  });

  test('an ACK, and whatever carries MSA, is an acknowledgment', () => {
    expect(read(sample.replace('ORU^R01^ORU_R01', 'ACK')).isAcknowledgment).toBe(true);
    expect(read(`${sample}\rMSA|AA|1`).isAcknowledgment).toBe(true);
    expect(read(`${sample}\r\nSFT|x\r\nMSA|AA|1`).isAcknowledgment).toBe(true);
    expect(read(`${sample}\rPID|1\rMSA|AA|1`).isAcknowledgment).toBe(false);
  });

  test('a message that starts the sequence number protocol is told apart', () => {
    expect(read('MSH|^~\\&|ADT|1|LAB|2|1990||^|XX|P|2.1|0\r').isLinkStart).toBe(true);
  });

  test('names in the declared set are read, also where second bytes look like separators', () => {
    const text = (label: string, bytes: Buffer) => {
      const [before, after] = sample.replace('UTF-8', label).split('NORTH');
      const raw = Buffer.concat([Buffer.from(`${before}`), bytes, Buffer.from(`${after}\r`)]);
      return readMessageHeader(raw);
    };
    expect(text('8859/1', Buffer.from('Zürich', 'latin1')).sendingFacility).toBe('Zürich');
    expect(text('UNICODE UTF-8', Buffer.from('Zürich')).sendingFacility).toBe('Zürich');
    // 8D5C is a letter of Shift-JIS whose second byte is a backslash, 837C one whose second byte is a bar.
    const shiftJis = text('Shift-JIS', Buffer.from([0x8d, 0x5c, 0x83, 0x7c]));
    expect(shiftJis).toMatchObject({
      sendingFacility: '構ポ',
      receivingApplication: 'HUB',
      controlId: 'CTL1',
    });
    // In ISO-2022-JP both bytes are ASCII: 3C7C holds a bar.
    const iso2022 = text('ASCII~ISO IR87', Buffer.from('\x1b$B<|\x1b(B', 'latin1'));
    expect(iso2022).toMatchObject({ sendingFacility: '囚', receivingApplication: 'HUB' });
  });

  test('arbitrary bytes never throw, and always give separators to answer with', () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.string({ unit: 'binary-ascii', maxLength: 60 }).map((rest) => Buffer.from(`MSH${rest}`)),
    );
    fc.assert(
      fc.property(anyBytes, (given) => {
        const header = readMessageHeader(Buffer.from(given));
        expect(header.separators.field).toHaveLength(1);
        expect(header.separators.component).toHaveLength(1);
      }),
    );
  });

  test('a header without end costs no more than one pass', () => {
    const began = performance.now();
    read(`MSH|^~\\&|${'|'.repeat(4_000_000)}`);
    read(`MSH|^~\\&|${'^'.repeat(4_000_000)}`);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AcknowledgmentOutcome, acknowledge } from './acknowledgment.js';
import { readMessageHeader } from './message-header.js';
import { parseMessage } from './parse-message.js';
import { readAcknowledgment } from './read-acknowledgment.js';

const accepted: AcknowledgmentOutcome = { outcome: 'accepted' };
const refusedAs = (acknowledgment: 'AE' | 'AR'): AcknowledgmentOutcome => ({
  outcome: 'refused',
  acknowledgment,
  condition: '101',
  location: 'MSH^1^9',
});
const fields = { version: '2.5.1', type: 'ORU^R01^ORU_R01', id: 'CTL1', modes: '|', sequence: '', set: '' };

function message(given: Partial<typeof fields> = {}): string {
  const { version, type, id, modes, sequence, set } = { ...fields, ...given };
  return `MSH|^~\\&|LAB^1.2.3^ISO|NORTH&9|HUB|CITY|20240305||${type}|${id}|P|${version}|${sequence}||${modes}||${set}\rPID|1\r`;
}

function answer(
  text: string | Buffer,
  outcome: AcknowledgmentOutcome = accepted,
  expectedSequenceNumber?: number,
) {
  let id = 0;
  const raw = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  return acknowledge(readMessageHeader(raw), outcome, {
    nowMs,
    ownId: () => `OWN${++id}`,
    ...(expectedSequenceNumber === undefined ? {} : { expectedSequenceNumber }),
  });
}

const texts = (...given: Parameters<typeof answer>) =>
  answer(...given).map(({ bytes }) => bytes.toString('latin1'));
const codes = (...given: Parameters<typeof answer>) => answer(...given).map(({ code }) => code);

describe('acknowledge', () => {
  test('sender and receiver are swapped with all components, ids and type are as the standard says', () => {
    expect(texts(message({ set: 'UNICODE UTF-8' }))).toEqual([
      'MSH|^~\\&|HUB|CITY|LAB^1.2.3^ISO|NORTH&9|20260102030405.678+0000||ACK^R01^ACK|OWN1|P|2.5.1||||||UNICODE UTF-8\r' +
        'MSA|AA|CTL1\r',
    ]);
  });

  test.each([
    ['2.1', 'ACK', '20260102030405'],
    ['2.2', 'ACK^R01', '20260102030405'],
    ['2.3', 'ACK^R01', '20260102030405.678+0000'],
    ['2.3.1', 'ACK^R01^ACK', '20260102030405.678+0000'],
    ['2.8.2', 'ACK^R01^ACK', '20260102030405.678+0000'],
  ])('version %s has message type %s', (version, type, time) => {
    const [text] = texts(message({ version }));
    expect(text).toContain(`|${time}||${type}|OWN1|P|${version}\r`);
  });

  test('a message without a trigger is answered ACK', () => {
    expect(texts(message({ type: 'ORU' }))[0]).toContain('||ACK|OWN1|');
  });

  test('the separators of the sender are used, short ones too', () => {
    const [hash] = texts(message().replaceAll('|', '#').replaceAll('^', '*'));
    expect(hash).toContain('MSH#*~\\&#HUB#CITY#LAB*1.2.3*ISO#NORTH&9#');
    expect(hash).toContain('#ACK*R01*ACK#');
    const [short] = texts(message().replace('^~\\&', '^~'), {
      ...refusedAs('AE'),
      text: 'a|b',
    } as AcknowledgmentOutcome);
    expect(short?.startsWith('MSH|^~|HUB|')).toBe(true);
    expect(short).toContain('|E||||a b\r');
  });

  test.each([
    ['|', 'AA', 'AE', 'AR'],
    ['AL|AL', 'CA AA', 'CE', 'CR'],
    ['AL|NE', 'CA', 'CE', 'CR'],
    ['AL|', 'CA', 'CE', 'CR'],
    ['NE|AL', 'AA', 'AE', 'AR'],
    ['|AL', 'AA', 'AE', 'AR'],
    ['NE|NE', '', '', ''],
    ['NE|', '', '', ''],
    ['ER|NE', '', 'CE', 'CR'],
    ['SU|NE', 'CA', '', ''],
    ['SU|AL', 'CA AA', 'AE', 'AR'],
    ['ER|AL', 'AA', 'CE', 'CR'],
    ['ER|ER', '', 'CE', 'CR'],
    ['NE|ER', '', 'AE', 'AR'],
    ['NE|SU', 'AA', '', ''],
    ['SU|SU', 'CA AA', '', ''],
    ['XX|NE', 'CA', 'CE', 'CR'],
    ['al|ne', 'CA', 'CE', 'CR'],
  ])('MSH-15|MSH-16 = %s', (modes, onSuccess, onError, onReject) => {
    expect(codes(message({ modes })).join(' ')).toBe(onSuccess);
    expect(codes(message({ modes }), refusedAs('AE')).join(' ')).toBe(onError);
    expect(codes(message({ modes }), refusedAs('AR')).join(' ')).toBe(onReject);
  });

  test('two acknowledgments of one message have control ids of their own', () => {
    const ids = answer(message({ modes: 'AL|AL' })).map(({ bytes }) => readMessageHeader(bytes).controlId);
    expect(ids).toEqual(['OWN1', 'OWN2']);
  });

  test('errors have the form of the version', () => {
    expect(texts(message(), refusedAs('AR'))[0]).toContain(
      'MSA|AR|CTL1\rERR||MSH^1^9|101^Required field missing^HL70357|E\r',
    );
    expect(texts(message({ version: '2.4' }), refusedAs('AE'))[0]).toContain(
      'MSA|AE|CTL1|Required field missing\rERR|MSH^1^9^101&Required field missing&HL70357\r',
    );
    const nowhere = { ...refusedAs('AE'), location: '', text: 'too | big' } as AcknowledgmentOutcome;
    expect(texts(message({ version: '2.3' }), nowhere)[0]).toContain(
      'MSA|AE|CTL1|too \\F\\ big\rERR|^^^101&Required field missing&HL70357\r',
    );
    expect(texts(message(), nowhere)[0]).toContain(
      'ERR|||101^Required field missing^HL70357|E||||too \\F\\ big\r',
    );
  });

  test('an acknowledgment is never acknowledged', () => {
    expect(answer(message({ type: 'ACK^R01^ACK' }))).toEqual([]);
    expect(answer(`${message({ modes: 'AL|AL' }).split('\r')[0]}\rMSA|AA|1\r`, refusedAs('AR'))).toEqual([]);
  });

  test('the sequence number protocol: echo, start of the link, reset', () => {
    expect(texts(message({ sequence: '7' }))[0]).toContain('MSA|AA|CTL1||7\r');
    expect(texts(message({ sequence: '0' }), accepted, 12)[0]).toContain('MSA|AA|CTL1||12\r');
    expect(texts(message({ sequence: '0' }))[0]).toContain('MSA|AA|CTL1||-1\r');
    expect(texts(message({ sequence: '-1' }))[0]).toContain('MSA|AA|CTL1||-1\r');
    expect(texts(message({ sequence: '9' }), refusedAs('AE'), 8)[0]).toContain('MSA|AE|CTL1||8\r');
    expect(texts(message({ sequence: 'x' }))[0]).toContain('MSA|AA|CTL1\r');
  });

  test('fields in the sender’s character set come back byte for byte', () => {
    const facility = Buffer.from([0x8d, 0x5c, 0x83, 0x7c]);
    const [before, after] = message({ set: 'Shift-JIS' }).split('NORTH&9');
    const raw = Buffer.concat([Buffer.from(`${before}`), facility, Buffer.from(`${after}`)]);
    const bytes = answer(raw)[0]?.bytes;
    expect(
      bytes?.includes(Buffer.concat([Buffer.from('|LAB^1.2.3^ISO|'), facility, Buffer.from('|2026')])),
    ).toBe(true);
    expect(bytes?.includes('|Shift-JIS\r')).toBe(true);
  });

  test('a UTF-16 message is answered in UTF-16', () => {
    const raw = Buffer.from(`\uFEFF${message().replace('NORTH&9', 'Żyrardów')}`, 'utf16le');
    const text = answer(raw)[0]?.bytes.toString('utf16le') ?? '';
    expect(text.startsWith('\uFEFFMSH|^~\\&|HUB|CITY|LAB^1.2.3^ISO|Żyrardów|')).toBe(true);
    const big = Buffer.from(message(), 'utf16le').swap16();
    expect(answer(big)[0]?.bytes.subarray(0, 4)).toEqual(Buffer.from([0, 0x4d, 0, 0x53]));
  });

  test.each([
    ['nothing', ''],
    ['no HL7', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['repeated separators', 'MSH|^^^^|A|B|C|D|1||ORU^R01|X|P|2.5.1'],
    ['an unknown version', message({ version: '9.9' })],
    ['only a header', 'MSH|^~\\&'],
    ['control characters in the fields', message({ id: 'A\x0bB\x1cC\0D' })],
  ])('%s gets a well-formed refusal', (_, text) => {
    const bytes = answer(text, refusedAs('AR'))[0]?.bytes ?? Buffer.alloc(0);
    expect(bytes.includes(0x0b) || bytes.includes(0x1c) || bytes.includes(0)).toBe(false);
    const header = readMessageHeader(bytes);
    expect(header).toMatchObject({ defect: undefined, messageCode: 'ACK', version: '2.5.1' });
    expect(readAcknowledgment(bytes)).toMatchObject({
      code: 'AR',
      errors: [{ condition: '101', location: 'MSH^1^9' }],
    });
  });

  test('arbitrary bytes get a short well-formed answer that repeats nothing but MSH-10 and the addresses', () => {
    const line = fc.string({
      unit: fc.constantFrom('|', '^', '~', '\\', '&', 'A', '2', '.', '5', '\x0b', '"', '#', ' '),
    });
    fc.assert(
      fc.property(line, fc.string(), (rest, body) => {
        const raw = Buffer.from(`MSH|^~\\&|${rest}\rPID|${body}SECRET\r`);
        for (const { bytes } of answer(raw, refusedAs('AE'))) {
          const parsed = parseMessage(bytes);
          expect(parsed.header.defect).toBeUndefined();
          expect(parsed.segments.map(({ name }) => name)).toEqual(['MSH', 'MSA', 'ERR']);
          expect(bytes.includes('SECRET')).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a huge control id does not come back whole', () => {
    expect(answer(message({ id: 'x'.repeat(1_000_000) }))[0]?.bytes.length).toBeLessThan(3_000);
  });
});

describe('readAcknowledgment', () => {
  test('what we write is read back in every version', () => {
    for (const version of ['2.2', '2.4', '2.5', '2.8']) {
      const bytes =
        answer(message({ version, modes: 'AL|NE' }), refusedAs('AR'))[0]?.bytes ?? Buffer.alloc(0);
      expect(readAcknowledgment(bytes)).toMatchObject({
        code: 'CR',
        isPositive: false,
        isCommit: true,
        acknowledgedId: 'CTL1',
        controlId: 'OWN1',
        errors: [
          { condition: '101', conditionText: 'Required field missing', location: 'MSH^1^9', severity: 'E' },
        ],
      });
    }
  });

  test('several errors, texts and a reply without MSA are understood', () => {
    const reply =
      'MSH|^~\\&|A|B|C|D|1||ACK|9|P|2.3\rMSA|AE|CTL1|bad\\.br\\thing|5\rERR|PID^1^3^101~OBX^2^5^102\r';
    expect(readAcknowledgment(Buffer.from(reply))).toMatchObject({
      code: 'AE',
      text: 'bad\nthing',
      expectedSequenceNumber: '5',
      errors: [
        { condition: '101', location: 'PID^1^3' },
        { condition: '102', location: 'OBX^2^5' },
      ],
    });
    expect(() => readAcknowledgment(Buffer.from(message()))).toThrow(
      expect.objectContaining({ code: 'HL7_NOT_AN_ACKNOWLEDGMENT' }),
    );
  });
});

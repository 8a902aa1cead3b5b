import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeText } from './character-set.js';
import { characterSetLabel } from './character-set-names.js';

const codes = (names: string[], bytes: Buffer) => decodeText(bytes, names).problems.map(({ code }) => code);

describe('characterSetLabel', () => {
  test.each([
    ['UNICODE UTF-8', 'utf-8'],
    ['utf8', 'utf-8'],
    ['UTF-8', 'utf-8'],
    ['UNICODE', 'utf-8'],
    ['8859/1', 'windows-1252'],
    ['ISO-8859-1', 'windows-1252'],
    ['ISO8859/15', 'iso-8859-15'],
    ['ISO_IR 100', 'windows-1252'],
    ['8859/2', 'iso-8859-2'],
    ['8859/5', 'iso-8859-5'],
    ['ISO IR87', 'iso-2022-jp'],
    ['ISO IR14', 'shift_jis'],
    ['Shift-JIS', 'shift_jis'],
    ['GB 18030-2000', 'gb18030'],
    ['KS X 1001', 'euc-kr'],
    ['BIG-5', 'big5'],
    ['windows-1250', 'windows-1250'],
    ['CP1251', 'windows-1251'],
    ['cp850', 'cp850'],
    ['ASCII', 'ascii'],
  ])('%s is %s', (name, label) => expect(characterSetLabel(name)).toBe(label));

  test('a name nobody knows has no label, however long', () => {
    expect(characterSetLabel('KLINGON')).toBeUndefined();
    expect(characterSetLabel('-'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('decodeText', () => {
  test('declared and undeclared UTF-8 are read, a byte order mark is dropped', () => {
    const bytes = Buffer.from('Müller', 'utf8');
    expect(decodeText(bytes, ['UNICODE UTF-8'])).toEqual({ text: 'Müller', label: 'utf-8', problems: [] });
    expect(decodeText(bytes, [])).toEqual({ text: 'Müller', label: 'utf-8', problems: [] });
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    expect(decodeText(marked, ['8859/1']).text).toBe('Müller');
  });

  test('UTF-16 is recognised by its mark and by its zero bytes, in both byte orders', () => {
    const little = Buffer.from('MSH|Żaneta', 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const [bytes, mark] of [
      [little, [0xff, 0xfe]],
      [big, [0xfe, 0xff]],
    ] as const) {
      expect(decodeText(bytes, []).text).toBe('MSH|Żaneta');
      expect(decodeText(Buffer.concat([Buffer.from(mark), bytes]), ['UTF-8']).text).toBe('MSH|Żaneta');
    }
  });

  test('what nobody declared and is not UTF-8 is read as windows-1252 and reported', () => {
    const bytes = Buffer.from([0x4f, 0x92, 0xfc]);
    expect(decodeText(bytes, [])).toMatchObject({ text: 'O’ü', label: 'windows-1252' });
    expect(codes([], bytes)).toEqual(['CHARACTER_SET_ASSUMED']);
  });

  test('a wrong declaration is reported, and the bytes are read as what they are', () => {
    expect(decodeText(Buffer.from('Müller', 'latin1'), ['UTF-8']).text).toBe('Müller');
    expect(codes(['UTF-8'], Buffer.from('Müller', 'latin1'))).toEqual(['CHARACTER_SET_WRONG']);
    expect(decodeText(Buffer.from('Müller', 'utf8'), ['ASCII']).text).toBe('Müller');
    expect(codes(['ASCII'], Buffer.from('Müller', 'utf8'))).toEqual(['CHARACTER_SET_WRONG']);
  });

  test('a byte that has no meaning is an error, never a silent replacement', () => {
    const broken = decodeText(Buffer.from([0x41, 0x81, 0x20, 0xff, 0x42]), ['Shift-JIS']);
    expect(broken.problems).toMatchObject([{ code: 'BYTES_UNDECODABLE', severity: 'error' }]);
    expect(decodeText(Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]), []).problems).toMatchObject([
      { code: 'BYTES_UNDECODABLE' },
    ]);
    // 81 is undefined in windows-1252 too; it keeps its code.
    const undefined1252 = decodeText(Buffer.from([0x41, 0x81, 0xe9]), ['8859/1']);
    expect(undefined1252.text).toBe('A\u0081é');
    expect(undefined1252.problems).toMatchObject([{ code: 'BYTES_UNDECODABLE', severity: 'error' }]);
  });

  test('no text holds a replacement character unless an error says so', () => {
    const names = fc.constantFrom(
      [],
      ['UTF-8'],
      ['8859/1'],
      ['8859/7'],
      ['GB18030'],
      ['ISO IR87'],
      ['cp850'],
      ['?'],
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), names, (given, declared) => {
        const decoded = decodeText(Buffer.from(given), declared);
        const isReplaced = decoded.text.includes('\uFFFD') && !Buffer.from(given).includes('\uFFFD');
        if (isReplaced) expect(decoded.problems.some(({ severity }) => severity === 'error')).toBe(true);
      }),
    );
  });

  test('an unknown name and NUL bytes are reported', () => {
    expect(codes(['KLINGON'], Buffer.from('é', 'utf8'))).toEqual(['CHARACTER_SET_UNKNOWN']);
    expect(codes([], Buffer.from('abcd\0'))).toEqual(['NUL_BYTES']);
  });

  test('later repetitions of MSH-18 extend ASCII, and old code pages are read', () => {
    const kanji = Buffer.from('\x1b$B;3ED\x1b(B', 'latin1');
    expect(decodeText(kanji, ['ASCII', 'ISO IR87']).text).toBe('山田');
    expect(decodeText(kanji, ['', 'ISO IR87']).text).toBe('山田');
    expect(decodeText(Buffer.from([0x81]), ['cp850']).text).toBe('ü');
  });

  test('a channel may name the set of a sender that declares none', () => {
    const bytes = Buffer.from([0x8e, 0x52, 0x93, 0x63]);
    expect(decodeText(bytes, [], 'Shift-JIS').text).toBe('山田');
  });
});

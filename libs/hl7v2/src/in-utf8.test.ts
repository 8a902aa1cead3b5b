import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inUtf8 } from './in-utf8.js';
import { parseMessage } from './parse-message.js';

const message = (characterSet: string, name: string) =>
  `MSH|^~\\&|LAB|NORTH|HUB|CITY|20240305||ADT^A01|C1|P|2.5.1||||||${characterSet}\rPID|1||77||${name}\r`;

describe('a message in UTF-8', () => {
  test('has the same text, and MSH-18 says how it is written', () => {
    const converted = inUtf8(Buffer.from(message('8859/1', 'M\u00fcller^J\u00f6rg'), 'latin1'));
    expect(converted.toString()).toBe(message('UNICODE UTF-8', 'M\u00fcller^J\u00f6rg'));
  });

  test('a header that ends before MSH-18 is filled up to it', () => {
    const converted = inUtf8(Buffer.from('MSH|^~\\&|A|B\rPID|1\r'));
    expect(converted.toString()).toBe(`MSH|^~\\&|A|B${'|'.repeat(14)}UNICODE UTF-8\rPID|1\r`);
  });

  test('UTF-16 and a byte order mark become plain UTF-8', () => {
    const wide = Buffer.from(`\ufeff${message('UNICODE UTF-16', 'Nov\u00e1kov\u00e1')}`, 'utf16le');
    expect(inUtf8(wide).toString()).toBe(message('UNICODE UTF-8', 'Nov\u00e1kov\u00e1'));
  });

  test.each([
    ['bytes that mean nothing', Buffer.from(message('8859/1', 'a\u0081b'), 'latin1')],
    ['no header', Buffer.from('PID|1\r')],
  ])('%s are not guessed at', (_, raw) => {
    expect(() => inUtf8(raw)).toThrow('forward it as_received');
  });

  test('whatever a field of ISO 8859-1 says is read again from the converted message', () => {
    const field = fc.stringMatching(/^[A-Za-z \u00a1-\u00ff]{1,20}$/);
    fc.assert(
      fc.property(field, (name) => {
        const converted = parseMessage(inUtf8(Buffer.from(message('8859/1', name), 'latin1')));
        expect(converted.first('PID')?.value(5)).toBe(
          parseMessage(Buffer.from(message('8859/1', name), 'latin1'))
            .first('PID')
            ?.value(5),
        );
      }),
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitBatch } from './batch.js';

const message = (id: string) => `MSH|^~\\&|LAB|N|H|C|2024||ORU^R01|${id}|P|2.5.1\rPID|1||7\r`;
const split = (text: string) => {
  const batch = splitBatch(Buffer.from(text, 'latin1'));
  return {
    messages: batch.messages.map((bytes) => bytes.toString('latin1')),
    problems: batch.problems.map(({ code }) => code),
    hasEnvelope: batch.hasEnvelope,
  };
};

describe('splitBatch', () => {
  test('a single message is exactly the bytes given, blank lines included', () => {
    for (const text of [message('1'), `  \r${message('1')}\r\r`, message('1').replaceAll('\r', '\r\n')]) {
      const raw = Buffer.from(text);
      expect(splitBatch(raw).messages).toEqual([raw]);
    }
    const raw = Buffer.from(message('1'));
    expect(splitBatch(raw).messages[0]).toBe(raw);
  });

  test('a file of two batches is split in order and its counts agree', () => {
    const text =
      `FHS|^~\\&|A\rBHS|^~\\&|A\r${message('1')}${message('2')}BTS|2\r` +
      `BHS|^~\\&|A\r${message('3')}BTS|1\rFTS|2\r`;
    expect(split(text)).toEqual({
      messages: [message('1'), message('2'), message('3')],
      problems: [],
      hasEnvelope: true,
    });
  });

  test('wrong counts, unclosed batches and lines outside are reported, the messages are kept', () => {
    expect(split(`BHS|^~\\&\r${message('1')}BTS|5\r`).problems).toEqual(['BATCH_COUNT_WRONG']);
    expect(split(`FHS|^~\\&\rBHS|^~\\&\r${message('1')}BTS|1\rFTS|3\r`).problems).toEqual([
      'FILE_COUNT_WRONG',
    ]);
    expect(split(`FHS|^~\\&\rBHS|^~\\&\r${message('1')}`).problems).toEqual([
      'BATCH_NOT_CLOSED',
      'FILE_NOT_CLOSED',
    ]);
    expect(split(`PID|1\rOBX|1\r${message('1')}`)).toMatchObject({
      messages: [message('1')],
      problems: ['BYTES_OUTSIDE_MESSAGE'],
    });
    expect(split(`BHS|^~\\&\r${message('1')}BTS|x\r`).problems).toEqual(['BATCH_COUNT_WRONG']);
    expect(split(`BHS|^~\\&\r${message('1')}BTS\r`).problems).toEqual([]);
  });

  test('messages one after the other without an envelope are split', () => {
    expect(split(message('1') + message('2'))).toMatchObject({
      messages: [message('1'), message('2')],
      hasEnvelope: false,
    });
  });

  test('the letters MSH inside a field split nothing', () => {
    expect(split(`${message('1')}NTE|1||MSH|x\r`).messages).toHaveLength(1);
    expect(split(`${message('1')}MSHX|1\r${message('2')}`).messages).toHaveLength(2);
  });

  test('a file of MLLP frames is split, noise between frames and a frame without end are reported', () => {
    expect(split(`\x0b${message('1')}\x1c\rnoise\r\x0b${message('2')}\x1c\r`)).toMatchObject({
      messages: [message('1'), message('2')],
      problems: ['BYTES_OUTSIDE_MESSAGE'],
    });
    expect(split(`\x0b${message('1')}\x0b${message('2')}`)).toMatchObject({
      messages: [message('1'), message('2')],
      problems: ['FRAME_NOT_CLOSED', 'FRAME_NOT_CLOSED'],
    });
  });

  test('a UTF-16 batch is split into UTF-16 messages', () => {
    const raw = Buffer.from(`\uFEFF${message('1')}${message('2')}`, 'utf16le');
    const { messages } = splitBatch(raw);
    expect(messages.map((bytes) => bytes.toString('utf16le'))).toEqual([
      `\uFEFF${message('1')}`,
      `\uFEFF${message('2')}`,
    ]);
    const lone = Buffer.from(`\uFEFF${message('1')}`, 'utf16le');
    expect(splitBatch(lone).messages[0]).toBe(lone);
  });

  test('nothing, and bytes without any message, give no messages and never throw', () => {
    expect(split('').messages).toEqual([]);
    expect(split('PID|1\r').messages).toEqual([]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (given) => void splitBatch(Buffer.from(given))));
  });

  test('as many messages come out as went in, whatever is between the lines', () => {
    const ids = fc.array(fc.stringMatching(/^[A-Z0-9]{1,8}$/), { maxLength: 20 });
    fc.assert(
      fc.property(ids, fc.constantFrom('\r', '\n', '\r\n'), (given, end) => {
        const text = given.map((id) => message(id).replaceAll('\r', end)).join(end);
        expect(split(text).messages).toHaveLength(given.length);
      }),
    );
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameCutter, type FrameEvent, frameMessage } from './mllp-framing.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const frames = (events: readonly FrameEvent[]) =>
  events.flatMap((event) => (event.kind === 'frame' ? [event.bytes.toString('latin1')] : []));

/** Bytes that may stand in a frame. */
const payload = fc
  .uint8Array({ minLength: 0, maxLength: 200 })
  .map((given) => Buffer.from(given.filter((byte) => byte !== 0x0b && byte !== 0x1c)));

describe('FrameCutter', () => {
  test('frames are found however the stream is cut, in order and byte for byte', () => {
    const stream = fc.record({
      messages: fc.array(
        fc.record({ message: payload, noise: fc.constantFrom('\r', '', '\n', '\r\n', ' \r') }),
      ),
      cuts: fc.array(fc.nat(), { maxLength: 50 }),
    });
    fc.assert(
      fc.property(stream, ({ messages, cuts }) => {
        const whole = Buffer.concat(
          messages.flatMap(({ message, noise }) => [bytes('\x0b'), message, bytes(`\x1c${noise}`)]),
        );
        const places = [
          0,
          ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b),
          whole.length,
        ];
        const cutter = new FrameCutter();
        const events: FrameEvent[] = [];
        for (let i = 1; i < places.length; i++) {
          events.push(...cutter.push(Buffer.from(whole.subarray(places[i - 1], places[i]))));
        }
        expect(events.every((event) => event.kind === 'frame')).toBe(true);
        expect(frames(events)).toEqual(messages.map(({ message }) => message.toString('latin1')));
        expect(cutter.isInsideFrame).toBe(false);
      }),
    );
  });

  test('arbitrary bytes never throw, and never make a frame that is longer than the bound', () => {
    const chunks = fc.array(
      fc.uint8Array({ maxLength: 60 }).map((chunk) => chunk.map((byte) => byte % 0x20)),
    );
    fc.assert(
      fc.property(chunks, (given) => {
        const cutter = new FrameCutter(40);
        for (const chunk of given) {
          for (const event of cutter.push(Buffer.from(chunk))) {
            if (event.kind === 'frame') expect(event.bytes.length).toBeLessThanOrEqual(40);
          }
          expect(cutter.heldBytes).toBeLessThanOrEqual(1_024);
        }
      }),
    );
  });

  test('a missing CR after FS is accepted', () => {
    expect(frames(new FrameCutter().push(bytes('\x0ba\x1c\x0bb\x1c\r\x0bc\x1c')))).toEqual(['a', 'b', 'c']);
  });

  test('garbage between frames is skipped and counted, line ends are not garbage', () => {
    const events = new FrameCutter().push(bytes('GET / HTTP\r\n\x0ba\x1c\r\nnoise\x0bb\x1c\r'));
    expect(events.map((event) => (event.kind === 'garbage' ? event.length : event.kind))).toEqual([
      8,
      'frame',
      5,
      'frame',
    ]);
  });

  test('a frame that never ends is reported as broken and not merged with the next', () => {
    const cutter = new FrameCutter();
    const events = [
      ...cutter.push(bytes('\x0bMSH|unfini')),
      ...cutter.push(bytes('shed\x0bMSH|second\x1c\r')),
    ];
    expect(events[0]).toEqual({ kind: 'broken', length: 14 });
    expect(frames(events)).toEqual(['MSH|second']);
  });

  test('the end of the stream inside a frame is reported', () => {
    const cutter = new FrameCutter();
    expect(cutter.end()).toBeUndefined();
    cutter.push(bytes('\x0bMSH|'));
    expect(cutter.isInsideFrame).toBe(true);
    expect(cutter.end()).toEqual({ kind: 'broken', length: 4 });
  });

  test('a frame over the bound is refused with its head, and nothing is cut after it', () => {
    for (const chunkSize of [1, 7, 5_000]) {
      const cutter = new FrameCutter(100);
      const whole = bytes(`\x0bMSH|^~\\&|${'x'.repeat(200)}\x1c\r\x0bMSH|next\x1c\r`);
      const events: FrameEvent[] = [];
      for (let at = 0; at < whole.length; at += chunkSize) {
        events.push(...cutter.push(whole.subarray(at, at + chunkSize)));
      }
      expect(events.map((event) => event.kind)).toEqual(['too-large']);
      const head = events[0]?.kind === 'too-large' ? events[0].head.toString('latin1') : '';
      expect(head.startsWith('MSH|^~\\&|xxx')).toBe(true);
      expect(cutter.heldBytes).toBe(0);
    }
    expect(frames(new FrameCutter(3).push(bytes('\x0babc\x1c')))).toEqual(['abc']);
  });

  test('16 MiB in one-byte chunks take time linear in the bytes', () => {
    const timeMs = (size: number) => {
      const cutter = new FrameCutter(16 * 1_024 * 1_024);
      const chunk = Buffer.alloc(1, 0x61);
      const began = performance.now();
      cutter.push(bytes('\x0b'));
      for (let i = 0; i < size; i++) cutter.push(chunk);
      expect(frames(cutter.push(bytes('\x1c')))[0]?.length).toBe(size);
      return performance.now() - began;
    };
    timeMs(200_000);
    const small = timeMs(1_048_576);
    // Quadratic work would make the ratio 256.
    expect(timeMs(16 * 1_048_576) / small).toBeLessThan(80);
  });

  test('a frame that lies in one chunk is not copied', () => {
    const chunk = frameMessage(bytes('MSH|'));
    const [event] = new FrameCutter().push(chunk);
    expect(event?.kind === 'frame' && event.bytes.buffer === chunk.buffer).toBe(true);
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitBatch } from './batch.js';
import { BatchStream } from './batch-stream.js';

const message = (id: string, end = '\r') => `MSH|^~\\&|L|N|||2024||ORU^R01|${id}|P|2.5.1${end}PID|1||7${end}`;

function streamed(raw: Buffer, cuts: readonly number[], maxBytes = 1 << 20) {
  const stream = new BatchStream(maxBytes);
  const found = [];
  let from = 0;
  const places = [...new Set(cuts.map((cut) => 64 + (cut % Math.max(1, raw.length - 64))))].sort(
    (a, b) => a - b,
  );
  for (const to of places.filter((place) => place < raw.length)) {
    found.push(...stream.push(raw.subarray(from, to), false));
    from = to;
  }
  found.push(...stream.push(raw.subarray(from), true));
  return { found, problems: stream.problems, count: stream.count };
}

describe('BatchStream', () => {
  const line = fc.constantFrom(
    message('1'),
    message('22', '\n'),
    message('333', '\r\n'),
    'FHS|^~\\&\r',
    'BHS|^~\\&\r\n',
    'BTS|2\r',
    'FTS|1\n',
    '\x0b',
    '\x1c\r',
    'OBX|1|ED|long text without an end',
    '\r\n\r\n',
    '  \t',
    'MSHX|no segment\r',
  );
  const file = fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => lines.join(''));
  const cuts = fc.array(fc.nat(2_000), { maxLength: 8 });

  test('a file in pieces, wherever they end, gives the messages and problems of the whole', () => {
    fc.assert(
      fc.property(file, cuts, (text, places) => {
        const raw = Buffer.from(text, 'latin1');
        const whole = splitBatch(raw);
        // What begins with its one MSH is one message to the last byte; in pieces that cannot be known.
        fc.pre(whole.messages[0] !== raw);
        const { found, problems, count } = streamed(raw, places);
        expect(problems).toEqual(whole.problems);
        expect(count).toBe(whole.messages.length);
        // A lone message in pieces has lost the blank lines around it, nothing else.
        const texts = (messages: readonly Buffer[]) =>
          messages.map((bytes) => bytes.toString('latin1').trim());
        expect(texts(found.map(({ raw: bytes }) => bytes))).toEqual(texts(whole.messages));
      }),
      { seed: 4, numRuns: 2_000 },
    );
  });

  test('a message in UTF-16 keeps its encoding', () => {
    const raw = Buffer.from(`\uFEFF${message('1')}${message('2')}`, 'utf16le');
    const { found } = streamed(raw, [3, 50, 77]);
    expect(found.map(({ raw: bytes }) => bytes.toString('utf16le'))).toEqual([
      `\uFEFF${message('1')}`,
      `\uFEFF${message('2')}`,
    ]);
  });

  test('lines are counted as an editor does, whatever ends them', () => {
    for (const end of ['\r', '\n', '\r\n']) {
      const text = [message('1', end), `stray${end}`, message('2', end), 'BTS|5'].join('');
      for (const places of [[], [70, 71, 72, 100, 101, 102, 103, 104]]) {
        const { found, problems } = streamed(Buffer.from(`BHS|${end}${text}`), places);
        expect(found.map((one) => one.line)).toEqual([2, 5]);
        expect(problems.map((problem) => [problem.code, problem.line])).toEqual([['BATCH_COUNT_WRONG', 7]]);
      }
    }
  });

  test('a message that is too long is cut, the memory stays bounded and the next one is found', () => {
    for (const filler of ['x'.repeat(500_000), 'OBX|1\r'.repeat(80_000)]) {
      const raw = Buffer.from(`${message('1')}${message('2')}OBX|${filler}\r${message('3')}`);
      const { found } = streamed(raw, [100, 200, 100_000, 200_000, 300_000, 400_000], 100_000);
      expect(found.map(({ isCut }) => isCut)).toEqual([false, true, false]);
      expect(found[1]?.raw.length).toBe(65_536);
      expect(found[2]?.raw.toString()).toBe(message('3'));
    }
  });
});

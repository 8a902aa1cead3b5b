import { describe, expect, test } from '@jest/globals';
import { columns } from './text-table.js';
import { counted, durationText, momentText } from './time-text.js';

describe('text for people', () => {
  test('columns stand under each other and colours take no width', () => {
    const green = '\u001b[32mok\u001b[0m';
    expect(
      columns([
        [green, 'a'],
        ['fail', 'b'],
      ]),
    ).toEqual([`${green}    a`, 'fail  b']);
  });

  test('a length of time is said with the unit that fits it', () => {
    const spoken = [2.345, 17, 1_500, 61_000, 7_500_000, 259_200_000].map(durationText);
    expect(spoken).toEqual(['2.3 ms', '17 ms', '1.5 s', '1 min', '2 h 5 min', '3 days']);
  });

  test('a moment is UTC to the millisecond', () => {
    expect(momentText(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02 03:04:05.006Z');
  });

  test('one thing is one and others are many', () => {
    expect([0, 1, 2].map((count) => counted(count, 'message'))).toEqual([
      '0 messages',
      '1 message',
      '2 messages',
    ]);
  });
});

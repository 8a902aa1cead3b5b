import { describe, expect, test } from '@jest/globals';
import { checkNotifications, type SeenNotification } from './check-notifications.js';

const told = (taken: boolean, ...numbers: number[]): SeenNotification => ({
  taken,
  events: numbers.map((number) => ({ number, about: `event ${number}` })),
});
const kinds = (seen: SeenNotification[], expected = 3) =>
  checkNotifications(seen, expected).breaches.map((breach) => breach.split(':')[0]);

describe('checker of notifications', () => {
  test('numbers in order, some of them again, are good', () => {
    const seen = [told(false, 1, 2), told(true, 1, 2), told(true, 2), told(true, 3)];
    expect(checkNotifications(seen, 3)).toEqual({ breaches: [], repeated: 3 });
  });

  test.each<[string, SeenNotification[], string]>([
    ['a gap', [told(true, 1), told(true, 3), told(true, 2)], 'event gap'],
    ['an event that was never taken', [told(true, 1, 2), told(false, 3)], 'event lost'],
    ['an event too many', [told(true, 1, 2, 3, 4)], 'event invented'],
    ['a wrong order in one notification', [told(true, 1, 2, 3), told(true, 3, 2)], 'event order'],
    [
      'one number for two events',
      [told(true, 1, 2, 3), { taken: true, events: [{ number: 3, about: 'another' }] }],
      'event number reused',
    ],
    [
      'one event under two numbers',
      [told(true, 1, 2), { taken: true, events: [{ number: 3, about: 'event 2' }] }],
      'event told twice',
    ],
  ])('%s is found', (_what, seen, kind) => {
    expect(kinds(seen)).toContain(kind);
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cellReader, numberText, sniffDecimal } from './cell-value.js';
import { momentReader, readMoment, sniffDateOrder } from './moment.js';

describe('moments', () => {
  test.each([
    ['2024-03-05', '20240305'],
    ['2024-03-05T08:15:00+01:00', '20240305081500+0100'],
    ['2024-03-05 08:15:30.25Z', '20240305081530.25+0000'],
    ['20240305', '20240305'],
    ['202106040725-0400', '202106040725-0400'],
    ['2024-03', '202403'],
    ['2024', '2024'],
    ['5 Mar 2024', '20240305'],
    ['January 31, 2020', '20200131'],
    ['31/01/2020', '20200131'],
    ['1-31-2020', '20200131'],
    ['5/5/24', '20240505'],
    ['45356.34375', '20240305081500'],
    ['12:15 AM', undefined],
    ['2024-02-30', undefined],
    ['2023-02-29', undefined],
    ['03/04/2024', undefined],
    ['2024-03-05 25:00', undefined],
    ['yesterday', undefined],
  ])('%s is %s where nobody says what comes first', (text, moment) => {
    expect(readMoment(text, undefined)).toBe(moment);
  });

  test('the order that the file shows settles what could be either', () => {
    expect(sniffDateOrder(['03/04/2024', '13/04/2024'])).toBe('day-first');
    expect(sniffDateOrder(['03/04/2024', '3/5/24 8:15 AM'])).toBe('month-first');
    expect(sniffDateOrder(['13/04/2024', '04/13/2024'])).toBeUndefined();
    expect(readMoment('03/04/2024', 'day-first')).toBe('20240403');
    expect(readMoment('03/04/2024 8:15 PM', 'month-first')).toBe('202403042015');
  });

  test.each([
    ['dd.MM.yyyy HH:mm', '05.03.2024 08:15', '202403050815'],
    ['M/d/yy h:mm a', '3/5/24 12:15 AM', '202403050015'],
    ["yyyy-MM-dd'T'HH:mm:ssX", '2024-03-05T08:15:00Z', '20240305081500+0000'],
    ['MMM yyyy', 'Mar 2024', '202403'],
    ['excel', '45356', '20240305'],
    ['dd.MM.yyyy', '2024-03-05', undefined],
  ])('the form %s reads %s', (form, text, moment) => {
    expect(momentReader(form)?.(text)).toBe(moment);
  });

  test('a form with a sign that is none is none', () => {
    expect(momentReader('qq.yyyy')).toBeUndefined();
    expect(momentReader('dd.MM')).toBeUndefined();
  });

  test('no text is taken for a moment that does not exist', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'0123456789-/.: TZ+AaPpMm,'), maxLength: 24 });
    fc.assert(
      fc.property(noise, fc.constantFrom(undefined, 'day-first', 'month-first'), (text, order) => {
        const moment = readMoment(text, order);
        if (moment === undefined || moment.length < 8) return;
        const [year, month, day] = [moment.slice(0, 4), moment.slice(4, 6), moment.slice(6, 8)].map(Number);
        const date = new Date(0);
        date.setUTCFullYear(year ?? 0, (month ?? 0) - 1, day);
        expect([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]).toEqual([
          year,
          month,
          day,
        ]);
      }),
      { seed: 14, numRuns: 5_000 },
    );
  });
});

describe('numbers', () => {
  test.each([
    ['13,4', ',', '13.4'],
    ['1.234,50', ',', '1234.50'],
    ['1,234.50', '.', '1234.50'],
    ['<0,5', ',', '<0.5'],
    ['≥ 3', '.', '≥3'],
    ['-.5', '.', '-0.5'],
    ['007', '.', '007'],
    ['yellow', '.', 'yellow'],
    ['', '.', ''],
    ['1,2,3', '.', '1,2,3'],
  ] as const)('%s with the decimal sign %s is %s', (text, sign, number) => {
    expect(numberText(text, sign)).toBe(number);
  });

  test('the decimal sign is the one that cannot stand between thousands', () => {
    expect(sniffDecimal(['13,4', '1,234'])).toBe(',');
    expect(sniffDecimal(['13.4', '5'])).toBe('.');
    expect(sniffDecimal(['1,234', '1.234'])).toBeUndefined();
  });
});

test('a time of day has four digits at least, and what is none stays', () => {
  const read = cellReader({ type: 'time', dates: [] }, { decimal: '.', dateOrder: undefined, dates: [] });
  expect([read('8:15'), read('08:15:30'), read('noon')]).toEqual(['0815', '081530', 'noon']);
});

import { describe, expect, it } from '@jest/globals';
import { copyForScorer, momentOf } from './scorer-copy.js';

describe('the copy of a file of rows that the scorer can read', () => {
  it.each([
    ['2026-01-31T08:15:30+00:00', '20260131081530+0000'],
    ['2026-01-31T08:15:00Z', '20260131081500+0000'],
    ['2026-01-31 08:15', '202601310815'],
    ['January 31, 2026', '20260131'],
    ['Jan 31, 2026', '20260131'],
    ['1-31-2026', '20260131'],
    ['31/01/2026', '20260131'],
    ['3/5/26 8:15 AM', '202603050815'],
    ['03/05/2026', '20260305'],
  ])('has %s as HL7 has moments', (text, digits) => {
    expect(momentOf(text, 'month first')).toBe(digits);
  });

  it('takes the day first where the file is known to', () => {
    expect(momentOf('05/03/2026 08:15', 'day first')).toBe('202603050815');
  });

  it.each(['2026-01-31', '20260131', '13.4', 'Labs, Inc', '1/2', 'Unit 31, 2026'])(
    'leaves %s as it is',
    (text) => {
      expect(momentOf(text, 'month first')).toBeUndefined();
    },
  );

  it('has every other cell as it was, but nothing for nulls', () => {
    const read = { header: ['name', 'note'], rows: [['O"Brien, Pat', 'NULL']] };
    expect(copyForScorer(read, ['NULL'], 'month first')).toBe('"name","note"\n"O""Brien, Pat",""\n');
  });
});

import { describe, expect, test } from '@jest/globals';
import { Run } from '../run/run.js';
import { formatTime } from './time.js';
import { zoneOffsets } from './time-zone.js';

describe('moments', () => {
  const run = new Run();
  run.zone = zoneOffsets.of('Europe/Vienna') ?? zoneOffsets.utc;

  test.each([
    ['2024', '2024'],
    ['202402', '2024-02'],
    ['20240229', '2024-02-29'],
    ['2024022918', '2024-02-29T18:00:00+01:00'],
    ['202402291835', '2024-02-29T18:35:00+01:00'],
    ['20240701183512', '2024-07-01T18:35:12+02:00'],
    ['20240701183512.1234', '2024-07-01T18:35:12.1234+02:00'],
    ['20240229183512-0500', '2024-02-29T18:35:12-05:00'],
    ['20240229183512+0000', '2024-02-29T18:35:12Z'],
    ['20240229+0100', '2024-02-29'],
    ['20240200', '2024-02'],
  ])('%s keeps its precision', (text, moment) => {
    expect(formatTime(run, text, 'dateTime')).toBe(moment);
  });

  test.each([
    '20240230',
    '20241301',
    '2024022925',
    '202402291860',
    'now',
    '0000',
    '20240229183512+2500',
    '2024-02-29',
    '202402291835x',
  ])('%s is no moment', (text) => {
    expect(formatTime(run, text, 'dateTime')).toBeUndefined();
  });

  test('a date has no time, an instant has all of it, a time of day no zone', () => {
    expect(formatTime(run, '20240229183512', 'date')).toBe('2024-02-29');
    expect(formatTime(run, '20240229', 'instant')).toBe('2024-02-29T00:00:00+01:00');
    expect(formatTime(run, '2024', 'instant')).toBeUndefined();
    expect(formatTime(run, '0715', 'time')).toBe('07:15:00');
  });

  test('the offset is that of the day, on either side of the change', () => {
    expect(formatTime(run, '20240331015900', 'dateTime')).toBe('2024-03-31T01:59:00+01:00');
    expect(formatTime(run, '20240331030000', 'dateTime')).toBe('2024-03-31T03:00:00+02:00');
    expect(formatTime(run, '20241027040000', 'dateTime')).toBe('2024-10-27T04:00:00+01:00');
  });

  test('a zone is a name or an offset; another word is none', () => {
    expect(zoneOffsets.of('-05:30')?.(2024, 1, 1, 0, 0)).toBe('-05:30');
    expect(zoneOffsets.of('America/New_York')?.(2024, 7, 1, 0, 0)).toBe('-04:00');
    expect(zoneOffsets.of('Middle/Earth')).toBeUndefined();
  });
});

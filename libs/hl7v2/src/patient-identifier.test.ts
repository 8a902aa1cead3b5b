import { describe, expect, test } from '@jest/globals';
import { readMessageHeader } from './message-header.js';
import { findPatientIdentifiers } from './patient-identifier.js';

const msh = 'MSH|^~\\&|LAB|NORTH|HUB|CITY|20240305||ADT^A40^ADT_A39|CTL1|P|2.5.1';
const find = (text: string, encoding: BufferEncoding = 'latin1') => {
  const raw = Buffer.from(text, encoding);
  return findPatientIdentifiers(raw, readMessageHeader(raw));
};

describe('findPatientIdentifiers', () => {
  test('the first repetition of PID-3 gives id and authority', () => {
    const pid = 'PID|1|OLD|778812^^^NORTH&1.2.3&ISO^MR~999^^^SSA^SS||Nilsson^Karin';
    for (const end of ['\r', '\n', '\r\n']) {
      expect(find(msh + end + pid + end).patient).toBe('778812^NORTH&1.2.3&ISO');
    }
    expect(find(`${msh}\r${pid.replace('PID', 'pid')}`).patient).toBe('778812^NORTH&1.2.3&ISO');
    expect(find(`\uFEFF${msh}\r${pid}`, 'utf16le').patient).toBe('778812^NORTH&1.2.3&ISO');
  });

  test('other separators are respected, and bytes inside a field are not taken for a segment', () => {
    const hash = `${msh}\rPID|1||7^^^N`.replaceAll('|', '#').replaceAll('^', '*');
    expect(find(hash)).toEqual({ patient: '7^N', other: undefined, others: [] });
    expect(find(`${msh}\rNTE|1||PID|9||8\rPID|1||7`).patient).toBe('7^');
  });

  test('without PID-3 the fields PID-2 and PID-4 are tried', () => {
    expect(find(`${msh}\rPID|1|22^^^A|""|44`).patient).toBe('22^A');
    expect(find(`${msh}\rPID|1|||44^^^B`).patient).toBe('44^B');
    expect(find(`${msh}\rPID|1`).patient).toBeUndefined();
    expect(find(`${msh}\rSCH|1`)).toEqual({ patient: undefined, other: undefined, others: [] });
  });

  test('a merge names the other patients, every repetition of MRG-1', () => {
    const merge = `${msh}\rPID|1||7^^^N\rMRG|111^^^N^MR~222^^^N^MR||||||Old^Name\r`;
    expect(find(merge)).toEqual({ patient: '7^N', other: '111^N', others: ['111^N', '222^N'] });
    expect(find(`${msh}\rPID|1||7^^^N\rMRG|7^^^N\r`).others).toEqual([]);
  });

  test('a message with several PIDs names each patient once', () => {
    const several = `${msh}\rPID|1||1\rOBX|1\rPID|2||2\rPID|3||1\r`;
    expect(find(several)).toEqual({ patient: '1^', other: '2^', others: ['2^'] });
    const many = msh + Array.from({ length: 500 }, (_, i) => `\rPID|1||${i}`).join('');
    expect(find(many).others.length).toBeLessThanOrEqual(16);
  });

  test('a field of 200,000 repetitions without an id costs one pass', () => {
    const began = performance.now();
    expect(find(`${msh}\rPID|1||${'~'.repeat(200_000)}`).patient).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(500);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** A file of /proc; empty when the process has just ended, or this is no Linux: such a figure is left out. */
export function readProc(pid: number, file: string): string {
  try {
    return readFileSync(join('/proc', String(pid), file), 'utf8');
  } catch {
    return '';
  }
}

/** Seconds of CPU of a process so far. */
export function cpuOf(pid: number): number {
  return secondsAt(pid, 11);
}

/** Seconds of CPU of those children of a process that have ended. */
export function cpuOfEnded(pid: number): number {
  return secondsAt(pid, 13);
}

/** Time in user mode and, in the next field of `stat`, in the system; counted from the field behind the name. */
function secondsAt(pid: number, field: number): number {
  const fields = readProc(pid, 'stat')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[field] ?? 0) + Number(fields[field + 1] ?? 0)) / TICKS_PER_SECOND;
}

/** Resident memory of a process now, in bytes. */
export function residentOf(pid: number): number {
  return kibOf(pid, 'VmRSS');
}

/** The most that it was, as the system counts it. */
export function peakOf(pid: number): number {
  return kibOf(pid, 'VmHWM');
}

function kibOf(pid: number, name: string): number {
  const line = readProc(pid, 'status')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  return Number(/\d+/.exec(line ?? '')?.[0] ?? 0) * KIB;
}

import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#kernel';
import { postmasterOf } from './postmaster.js';

/** Longest wait for the PostgreSQL of an engine that is gone: a fast shutdown writes every dirty page. */
const orphanWaitMs = 60_000;
const orphanPollMs = 25;
/**
 * The owner is looked at twice, this far apart: one that was just killed still takes a moment to disappear, and one that
 * just took the lock a moment to write its number.
 */
const ownerRecheckMs = 400;

export interface DataDirectoryLock {
  /** The open lock file; children that inherit it keep the directory locked until they end too. */
  readonly fd: number;
  /** True when the operating system guarantees that no process of an earlier engine is left. */
  readonly exclusive: boolean;
  release(): void;
}

/**
 * Makes this process the only engine on `dataDirectory`. A living engine there is refused at once. What a dead one left
 * running (its PostgreSQL, an initdb) inherited the lock; it is told to stop, and awaited.
 */
export async function lockDataDirectory(dataDirectory: string): Promise<DataDirectoryLock> {
  const path = join(dataDirectory, 'engine.lock');
  const fd = openLockFile(dataDirectory, path);
  try {
    const exclusive = await acquire(fd, path, dataDirectory);
    ftruncateSync(fd);
    writeSync(fd, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }), 0);
    return { fd, exclusive, release: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Returns whether the lock is the operating system's (flock) or, without that program, only the owner's number. */
async function acquire(fd: number, path: string, dataDirectory: string): Promise<boolean> {
  const deadlineMs = Date.now() + orphanWaitMs;
  for (let attempt = 0; ; attempt++) {
    const result = tryLock(fd);
    if (result === 'locked') return true;
    const lives = ownerLives(path);
    if (result === 'no-flock' && !lives && postmasterOf(join(dataDirectory, 'postgres')) === undefined)
      return false;
    if (attempt === 0) {
      await sleep(ownerRecheckMs);
      continue;
    }
    if (lives) throw inUse(dataDirectory, path);
    if (attempt === 1) signalOrphan(dataDirectory, 'SIGINT');
    if (Date.now() > deadlineMs) throw inUse(dataDirectory, path);
    await sleep(orphanPollMs);
  }
}

function tryLock(fd: number): 'locked' | 'busy' | 'no-flock' {
  // The lock belongs to the open file, which this process shares with the child; so it stays when the child ends.
  const { status, error } = spawnSync('flock', ['--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  if (error !== undefined) return 'no-flock';
  return status === 0 ? 'locked' : 'busy';
}

function signalOrphan(dataDirectory: string, signal: NodeJS.Signals): void {
  const orphan = postmasterOf(join(dataDirectory, 'postgres'));
  if (orphan === undefined) return;
  try {
    process.kill(orphan, signal);
  } catch {
    // It ended meanwhile, which is what was wanted.
  }
}

function openLockFile(dataDirectory: string, path: string): number {
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw new EngineError(
      'misconfigured',
      'DATA_DIRECTORY_UNUSABLE',
      `cannot write in the data directory ${resolve(dataDirectory)} (${String((cause as NodeJS.ErrnoException).code)}). ` +
        'Give it to the account that runs the engine, or set SUTURE_DATA_DIR to another directory.',
      { cause },
    );
  }
}

function ownerLives(path: string): boolean {
  let owner: { pid?: number; started?: string };
  try {
    owner = JSON.parse(readFileSync(path, 'utf8')) as { pid?: number; started?: string };
  } catch {
    // Empty or torn: its writer died in the act.
    return false;
  }
  if (owner.pid === undefined || owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // Numbers are reused: a process that began at another moment is not the owner; nor is one that only awaits its burial.
  return startOf(owner.pid) === owner.started;
}

/** The moment a process began, in clock ticks since boot; 'ended' for a zombie, '' where /proc does not tell. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function inUse(dataDirectory: string, path: string): EngineError {
  let owner = '';
  try {
    owner = ` (process ${String((JSON.parse(readFileSync(path, 'utf8')) as { pid?: number }).pid)})`;
  } catch {
    // The owner's number is a courtesy.
  }
  return new EngineError(
    'misconfigured',
    'DATA_DIRECTORY_IN_USE',
    `another engine${owner} runs on the data directory ${resolve(dataDirectory)}. ` +
      'Stop it first, or set SUTURE_DATA_DIR to another directory.',
  );
}

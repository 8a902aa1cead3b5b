import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

/** What `postmaster.pid` says: the server's process and whether it takes connections. */
export interface PostmasterFile {
  readonly pid: number;
  readonly ready: boolean;
}

/** Reads `postmaster.pid` of a database directory; undefined when there is none or it is half written. */
export function readPostmasterFile(pgDirectory: string): PostmasterFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(pgDirectory, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  // Line 8 is the status: 'starting', 'stopping', 'ready   ', 'standby '.
  return { pid, ready: lines[7]?.trimEnd() === 'ready' };
}

/** The living server of a database directory, never a stranger that got its number. */
export function postmasterOf(pgDirectory: string): number | undefined {
  const file = readPostmasterFile(pgDirectory);
  if (file === undefined) return undefined;
  try {
    if (existsSync('/proc/self/stat')) {
      const isPostgres = basename(readlinkSync(`/proc/${file.pid}/exe`)).startsWith('postgres');
      const isHere = readlinkSync(`/proc/${file.pid}/cwd`) === realpathSync(pgDirectory);
      return isPostgres && isHere ? file.pid : undefined;
    }
    const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(file.pid)], { encoding: 'utf8' });
    return stdout.includes('postgres') && stdout.includes(pgDirectory) ? file.pid : undefined;
  } catch {
    // The process ended between the two looks.
    return undefined;
  }
}

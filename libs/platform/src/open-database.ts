import { type Database, migrate, openDatabase, requireDurableCommits } from '#database';
import { assert, EngineError, isEngineError } from '#kernel';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { readPostgresFacts } from './postgres-cluster.js';
import { migrations } from './schema.js';

/** An external server may still be starting. */
const connectPatienceMs = 30_000;
const connectPauseMs = 250;

export interface EngineDatabase {
  readonly database: Database;
  readonly url: string;
  /** Undefined with a server of somebody else. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Names this installation for ever. */
  readonly installation: string;
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  readonly databaseUrl: string | undefined;
  readonly dataDirectory: string;
  readonly maxConnections: number;
  /** For `pg_stat_activity`: 'suture-ingest'. */
  readonly application: string;
  readonly onNotice?: (notice: string) => void;
}

/** Opens the database of an engine: starts the embedded one or waits for the external one, and brings the tables up to date. */
export async function openEngineDatabase(options: OpenDatabaseOptions): Promise<EngineDatabase> {
  const { databaseUrl } = options;
  const embedded = databaseUrl === undefined ? await startEmbeddedPostgres(options) : undefined;
  const url = databaseUrl ?? embedded?.url;
  assert(url !== undefined, 'DATABASE_URL_LOST');
  return prepare(url, embedded, options).catch(async (error: unknown) => {
    await embedded?.stop();
    throw error;
  });
}

/**
 * The same for a short-lived program beside the engine: joins the embedded server that an engine runs, and starts it for
 * itself when no engine does.
 */
export async function joinEngineDatabase(options: OpenDatabaseOptions): Promise<EngineDatabase> {
  const { databaseUrl, dataDirectory } = options;
  if (databaseUrl !== undefined) return openEngineDatabase(options);
  const facts = readPostgresFacts(dataDirectory);
  if (facts === undefined) {
    throw new EngineError(
      'misconfigured',
      'DATABASE_NONE_YET',
      `no database in ${dataDirectory} yet: start the engine once (npm start), or set SUTURE_DATA_DIR or DATABASE_URL`,
    );
  }
  if (await answers(facts.url)) return prepare(facts.url, undefined, options);
  return openEngineDatabase(options);
}

async function prepare(
  url: string,
  embedded: EmbeddedPostgres | undefined,
  { maxConnections, application }: OpenDatabaseOptions,
): Promise<EngineDatabase> {
  const database = openDatabase(url, { maxConnections, application });
  try {
    if (embedded === undefined) await waitFor(database);
    await requireDurableCommits(database);
    await migrate(database, migrations);
    const [row] = await database.query<{ id: string }>('SELECT id FROM installation');
    assert(row !== undefined, 'INSTALLATION_MISSING');
    const close = async () => {
      await database.close();
      await embedded?.stop();
    };
    return { database, url, embedded, installation: row.id, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function waitFor(database: Database): Promise<void> {
  const deadlineMs = Date.now() + connectPatienceMs;
  for (;;) {
    try {
      await database.query('SELECT 1');
      return;
    } catch (error) {
      if (!isEngineError(error, 'unavailable') || Date.now() > deadlineMs) throw error;
      await new Promise((done) => setTimeout(done, connectPauseMs));
    }
  }
}

async function answers(url: string): Promise<boolean> {
  const database = openDatabase(url, { maxConnections: 1, application: 'suture-join' });
  try {
    await database.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await database.close();
  }
}

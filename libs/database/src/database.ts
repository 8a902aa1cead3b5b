import pg from 'pg';
import { EngineError } from '#kernel';
import { arrayText } from './array-text.js';

export interface Query {
  /**
   * Runs one statement. `name` prepares it once per connection: give one to every statement of the data path. In a transaction, statements that are asked for
   * without waiting for each other travel together and run in the order in which they were asked for; where one fails, those behind it do too.
   */
  query<Row extends object>(sql: string, params?: readonly unknown[], name?: string): Promise<Row[]>;
}

/**
 * A pool of connections to the one PostgreSQL that holds the truth.
 * bigint comes back as a number (positions stay below 2^53), timestamptz as a Date, bytea as a Buffer.
 */
export interface Database extends Query {
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. */
  transaction<T>(work: (tx: Query) => Promise<T>): Promise<T>;
  /** A connection of its own, for what must live and die with one backend (lane ownership, advisory locks). */
  session(): Promise<Session>;
  /**
   * Connections beside, as many, whose statements the server ends after `statementMs`: `unavailable` DATABASE_STATEMENT_TOO_SLOW. What
   * strangers ask can then take all of these, and none of the others. Opened with the first statement, closed with the pool.
   */
  limited(statementMs: number): Query;
  close(): Promise<void>;
}

export interface Session extends Query {
  /** Resolves when the connection is gone, whatever the reason. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_DELAY_MS = 10_000;
const INT8_OID = 20;

/**
 * Data-path statements are few, prepared and fed with arrays. Planning them anew costs more than running them (appending one
 * message: 881 against 1,496 a second, measured). A plan that is kept must not be one that was made while a table was
 * small: every statement of ours has an index to go by.
 */
const SERVER_SETTINGS = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

function typeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8_OID && format !== 'binary') return Number;
  return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown;
}

/**
 * Opens a pool of at most `maxConnections`. Nothing is sent until the first query.
 */
export function openDatabase(
  url: string,
  options: { maxConnections: number; application: string },
): Database {
  const config: pg.PoolConfig = {
    connectionString: url,
    max: options.maxConnections,
    application_name: options.application,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: SERVER_SETTINGS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    pipeline: true,
    types: { getTypeParser: typeParser } as pg.CustomTypesConfig,
  };
  const pools: pg.Pool[] = [];
  const open = (settings = ''): pg.Pool => {
    const opened = new pg.Pool({ ...config, options: `${SERVER_SETTINGS}${settings}` });
    // An idle connection that breaks is replaced by the pool; the next query reports what still fails.
    opened.on('error', () => {});
    pools.push(opened);
    return opened;
  };
  const pool = open();
  return {
    query: (sql, params, name) => run(pool, sql, params, name),
    transaction: (work) => inTransaction(pool, work),
    session: () => openSession(config),
    limited: (statementMs) => {
      const limited = open(` -c statement_timeout=${statementMs}`);
      return { query: (sql, params, name) => run(limited, sql, params, name) };
    },
    close: async () => {
      await Promise.all(pools.map((one) => one.end()));
    },
  };
}

async function run<Row extends object>(
  target: pg.Pool | pg.ClientBase,
  sql: string,
  params: readonly unknown[] = [],
  name?: string,
): Promise<Row[]> {
  try {
    const values = params.map((value) => (Array.isArray(value) ? arrayText(value) : value));
    const query = { text: sql, values, ...(name === undefined ? {} : { name }) };
    return (await target.query<Row>(query)).rows;
  } catch (error) {
    throw asEngineError(error);
  }
}

async function inTransaction<T>(pool: pg.Pool, work: (tx: Query) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw asEngineError(error);
  });
  // Without a listener a connection that breaks between two statements would end the process.
  const ignore = () => {};
  client.on('error', ignore);
  let broken = false;
  try {
    await run(client, 'BEGIN');
    const result = await work(inOrder(client));
    await run(client, 'COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true; // the connection is gone and its transaction with it
    });
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

/** Statements behind one that failed, sent before that was known, fail for what that failed for. */
function inOrder(client: pg.PoolClient): Query {
  let first: unknown;
  return {
    query: async (sql, params, name) => {
      try {
        return await run(client, sql, params, name);
      } catch (error) {
        if (!isAfterFailure(error)) first = error;
        throw first ?? error;
      }
    },
  };
}

function isAfterFailure(error: unknown): boolean {
  const cause = error instanceof EngineError ? error.cause : undefined;
  return cause instanceof pg.DatabaseError && cause.code === TRANSACTION_FAILED;
}

async function openSession(config: pg.ClientConfig): Promise<Session> {
  const client = new pg.Client(config);
  const lost = new Promise<void>((resolve) => {
    client.on('error', () => resolve());
    client.on('end', () => resolve());
  });
  await client.connect().catch((error: unknown) => {
    throw asEngineError(error);
  });
  return {
    query: (sql, params, name) => run(client, sql, params, name),
    lost,
    close: () => client.end(),
  };
}

const TRANSACTION_FAILED = '25P02';
const DISK_FULL = '53100';
/** query_canceled: by `statement_timeout`, for nobody else ends statements here. */
const CANCELLED = '57014';
/** A text with U+0000, which PostgreSQL cannot hold: whoever sent it is wrong, not the statement. */
const TEXT_WITH_NUL = '22021';
/** SQLSTATE classes that say "not now": connection, resources, operator intervention, lock and serialisation trouble. */
const RETRYABLE = /^(08|53|57|40|55P03)/;

/**
 * `code` DATABASE_CONFLICT: run the transaction again at once. DATABASE_UNAVAILABLE: later. DATABASE_TEXT_WITH_NUL: never.
 * DATABASE_STATEMENT_TOO_SLOW: of `limited` only.
 * DATABASE_REFUSED: the statement itself is wrong, a bug. A lost connection is `unavailable` here; who was committing calls it uncertain.
 */
function asEngineError(error: unknown): EngineError {
  const state = error instanceof pg.DatabaseError ? (error.code ?? '') : '08000';
  if (state.startsWith('40') || state === '23505') {
    return new EngineError('unavailable', 'DATABASE_CONFLICT', `two transactions met (SQLSTATE ${state})`, {
      cause: error,
    });
  }
  if (state === TEXT_WITH_NUL)
    return new EngineError('rejected', 'DATABASE_TEXT_WITH_NUL', 'a text holds the character U+0000', {
      cause: error,
    });
  if (state === CANCELLED) {
    return new EngineError(
      'unavailable',
      'DATABASE_STATEMENT_TOO_SLOW',
      `the database ended a statement that took too long (SQLSTATE ${state})`,
      { cause: error },
    );
  }
  if (RETRYABLE.test(state)) {
    const text =
      state === DISK_FULL
        ? `the disk of the database is full (${state}); make room`
        : `the database does not answer (${state})`;
    return new EngineError('unavailable', 'DATABASE_UNAVAILABLE', text, { cause: error });
  }
  return new EngineError('bug', 'DATABASE_REFUSED', `the database refused a statement (SQLSTATE ${state})`, {
    cause: error,
  });
}

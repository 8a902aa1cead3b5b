import { randomBytes } from 'node:crypto';
import { type Database, type Migration, migrate, openDatabase } from '../src/index.js';

export interface TestDatabase {
  readonly database: Database;
  readonly url: string;
  /** Drops it. */
  remove(): Promise<void>;
}

/** A fresh database on the server that the test run started, with `migrations` applied. */
export async function createTestDatabase(migrations: readonly Migration[] = []): Promise<TestDatabase> {
  const serverUrl = process.env['SUTURE_TEST_DATABASE_URL'];
  if (serverUrl === undefined)
    throw new Error('SUTURE_TEST_DATABASE_URL is not set: run the tests by npm test');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = openDatabase(serverUrl, { maxConnections: 1, application: 'suture-test' });
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = openDatabase(url.href, { maxConnections: 8, application: 'suture-test' });
  await migrate(database, migrations);
  const remove = async () => {
    await database.close();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.close();
  };
  return { database, url: url.href, remove };
}

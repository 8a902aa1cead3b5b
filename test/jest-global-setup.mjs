import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../run.mjs';

const prefix = 'suture-test-';

/**
 * One embedded PostgreSQL for the whole run, with the settings of production; each test file makes its own database in it.
 * SUTURE_TEST_DATABASE_URL names another server to use instead.
 */
export default async function setup() {
  await ensureBuilt();
  if (process.env.SUTURE_TEST_DATABASE_URL) return;
  const { startEmbeddedPostgres } = await import('../dist/libs/platform/src/embedded-postgres.js');
  const parent = fastestDirectory();
  removeLeftovers(parent);
  const dataDirectory = join(parent, `${prefix}${process.pid}`);
  mkdirSync(dataDirectory, { mode: 0o700 });
  const postgres = await startEmbeddedPostgres({ dataDirectory });
  process.env.SUTURE_TEST_DATABASE_URL = postgres.url;
  globalThis.sutureTestPostgres = { postgres, dataDirectory };
}

/** Memory, if there is a file system for it: tests wait for a thousand commits. */
function fastestDirectory() {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

/** What killed runs left behind; their servers ended with them. */
function removeLeftovers(parent) {
  for (const name of readdirSync(parent)) {
    const pid = Number(name.slice(prefix.length));
    if (!name.startsWith(prefix) || !Number.isInteger(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

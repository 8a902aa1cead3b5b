import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that is told to stop fast needs a second, and is told to stop at once after 20. */
const serverStopsWithinMs = 40_000;
/** What keeps the process longer than this after the last test is no longer on its way out. */
const exitsWithinMs = 10_000;

/** Stops the database of the run; and a run that is over ends, even when a test left something open. */
export default async function teardown() {
  const started = globalThis.sutureTestPostgres;
  if (started !== undefined) {
    const late = sleep(serverStopsWithinMs, 'late', { ref: false });
    if ((await Promise.race([started.postgres.stop(), late])) === 'late')
      process.stderr.write('The PostgreSQL of the test run does not stop; it is left behind.\n');
    rmSync(started.dataDirectory, { recursive: true, force: true });
  }
  // Jest decides the exit code when the process exits, and by then it has.
  setTimeout(() => {
    process.stderr.write(`${leftOpen()}\n`);
    process.exit();
  }, exitsWithinMs).unref();
}

/** What keeps this process alive, as far as Node tells. */
function leftOpen() {
  const counts = new Map();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const resources = [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
  const handles = process._getActiveHandles().map(describe).filter(Boolean);
  return [
    `The tests are over, but something that they left open kept this process alive for another ${exitsWithinMs / 1000} s; it ends now.`,
    `A test that does not close what it opens is a mistake. Still open: ${resources || 'nothing that Node knows'}`,
    ...handles.map((text) => `  ${text}`),
  ].join('\n');
}

function describe(handle) {
  const name = handle.constructor?.name ?? 'handle';
  if (name === 'ChildProcess') return `process ${handle.pid}: ${handle.spawnargs?.join(' ').slice(0, 200)}`;
  if (name === 'Server') return `server on ${JSON.stringify(handle.address?.())}`;
  if (handle.remotePort !== undefined)
    return `${name} ${handle.localAddress}:${handle.localPort} to ${handle.remoteAddress}:${handle.remotePort}`;
  return undefined;
}

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Database, openDatabase } from '#database';
import { startEmbeddedPostgres } from '#platform';
import { benchObservation } from './fhir-resources.js';
import { type HttpLoadReport, runHttpLoad } from './http-load.js';

/** What Fastify alone makes of the same reads: a route that answers `body`. */
export async function rawRoute(
  body: string,
  load: { readonly connections: number; readonly count: number },
): Promise<HttpLoadReport> {
  const program = fileURLToPath(new URL('./raw-fhir-server.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    child.stdin.write(`${body}\n`);
    const port = await new Promise<number>((resolve) =>
      child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
    );
    const origin = `http://127.0.0.1:${port}`;
    const ask = () => ({ method: 'GET', path: '/fhir/Patient/p1' }) as const;
    await runHttpLoad(origin, {}, { ...load, count: load.count / 4, ask }); // V8 compiles what is hot
    return await runHttpLoad(origin, {}, { ...load, ask });
  } finally {
    child.stdin.end();
  }
}

/** What PostgreSQL alone makes of it, with the same settings: a row and a commit for each resource, and a row by its key. */
export async function rawSql(
  directory: string,
  { senders, rows, reads }: { readonly senders: number; readonly rows: number; readonly reads: number },
): Promise<{ readonly insertsPerSecond: number; readonly selectsPerSecond: number }> {
  mkdirSync(directory, { recursive: true });
  const server = await startEmbeddedPostgres({ dataDirectory: directory });
  const database = openDatabase(server.url, { maxConnections: senders, application: 'suture-bench' });
  try {
    await database.query('CREATE TABLE plain (type text, id text, body text, PRIMARY KEY (type, id))');
    const text = (n: number) => JSON.stringify(benchObservation(n, `Patient/p${n}`));
    const insertsPerSecond = await perSecond(senders, rows, (n) => insert(database, n, text(n)));
    const selectsPerSecond = await perSecond(senders, reads, (n) =>
      database.query(
        'SELECT body FROM plain WHERE type = $1 AND id = $2',
        ['Observation', `o${n % rows}`],
        's',
      ),
    );
    return { insertsPerSecond, selectsPerSecond };
  } finally {
    await database.close();
    await server.stop();
  }
}

function insert(database: Database, n: number, text: string): Promise<unknown> {
  return database.query('INSERT INTO plain VALUES ($1, $2, $3)', ['Observation', `o${n}`, text], 'i');
}

async function perSecond(
  senders: number,
  count: number,
  work: (n: number) => Promise<unknown>,
): Promise<number> {
  const startMs = performance.now();
  let next = 0;
  const sender = async () => {
    for (let n = next++; n < count; n = next++) await work(n);
  };
  await Promise.all(Array.from({ length: senders }, sender));
  return (count * 1000) / (performance.now() - startMs);
}

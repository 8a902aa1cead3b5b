import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Database, migrate, openDatabase } from '#database';
import { channelId, idempotencyKey, Journal, journalMigrations } from '#journal';
import { startEmbeddedPostgres } from '#platform';
import type { Figure } from './figure.js';
import { mappingFigures } from './mapping-figures.js';
import type { MessageTemplate } from './message-templates.js';
import { runLoad } from './mllp-load.js';

const SENDERS = 8;

/** What the engine's figures are compared with, measured in the same run on the same machine. */
export async function baselines(
  templates: readonly MessageTemplate[],
  directory: string,
  quick: boolean,
): Promise<Figure[]> {
  const scale = quick ? 0.2 : 1;
  return [
    ...(await rawAcknowledgments(templates, Math.round(20_000 * scale))),
    ...(await databaseFigures(templates, directory, Math.round(6_000 * scale))),
    ...mappingFigures(templates, Math.round(4_000 * scale)),
  ];
}

async function rawAcknowledgments(templates: readonly MessageTemplate[], count: number): Promise<Figure[]> {
  const program = fileURLToPath(new URL('./raw-ack-server.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<number>((resolve) =>
      child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
    );
    const figures: Figure[] = [];
    for (const connections of [SENDERS, 1]) {
      const load = await runLoad({
        port,
        templates,
        connections,
        window: 1,
        count,
        prefix: `B${connections}`,
      });
      const name = `baseline: ACK without journal, ${connections} connection${connections > 1 ? 's' : ''}`;
      figures.push({ name, value: load.perSecond, unit: 'msg/s' });
    }
    return figures;
  } finally {
    child.stdin.end();
  }
}

async function databaseFigures(
  templates: readonly MessageTemplate[],
  directory: string,
  count: number,
): Promise<Figure[]> {
  mkdirSync(directory, { recursive: true });
  const server = await startEmbeddedPostgres({ dataDirectory: directory });
  const database = openDatabase(server.url, { maxConnections: SENDERS + 2, application: 'suture-bench' });
  try {
    await migrate(database, journalMigrations);
    const messages = Array.from(
      { length: count },
      (_, n) => templates[n % templates.length]?.make(`M${n}`) ?? Buffer.alloc(0),
    );
    const rows = await singleRows(database, messages);
    const group = await groupCommits(database, messages);
    return [
      {
        name: 'baseline: one INSERT and commit a message',
        value: rows,
        unit: 'msg/s',
        note: `${SENDERS} senders`,
      },
      { name: 'journal: group commit', value: group, unit: 'msg/s', note: `${SENDERS} senders` },
    ];
  } finally {
    await database.close();
    await server.stop();
  }
}

async function singleRows(database: Database, messages: readonly Buffer[]): Promise<number> {
  await database.query('CREATE TABLE single (id bigserial PRIMARY KEY, key uuid UNIQUE, raw bytea NOT NULL)');
  return perSecond(messages, (raw) => {
    const key = idempotencyKey('bench', raw).toString('hex');
    return database.query('INSERT INTO single (key, raw) VALUES ($1, $2)', [key, raw], 'single-row');
  });
}

async function groupCommits(database: Database, messages: readonly Buffer[]): Promise<number> {
  const journal = await Journal.open(database);
  const channel = await channelId(database, 'bench');
  const speed = await perSecond(messages, (raw) => {
    const entry = { kind: 0 as const, channel, receivedAtMs: Date.now(), partition: raw.length % 20, raw };
    return journal.append({ ...entry, key: idempotencyKey('bench', raw) });
  });
  await journal.close();
  return speed;
}

async function perSecond(
  messages: readonly Buffer[],
  store: (raw: Buffer) => Promise<unknown>,
): Promise<number> {
  const startMs = performance.now();
  let next = 0;
  const sender = async () => {
    for (let raw = messages[next++]; raw !== undefined; raw = messages[next++]) await store(raw);
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  return (messages.length * 1000) / (performance.now() - startMs);
}

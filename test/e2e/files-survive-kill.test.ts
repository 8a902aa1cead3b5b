import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { randomFromSeed } from '../faults/random-from-seed.js';
import { freePort } from '../load/engine-process.js';
import { Deployment, eventually, oneProcess } from './deployment.js';
import { result } from './samples.js';
import { Workspace } from './workspace.js';

const kills = 4;
const filesEachTime = 3;
const messagesInFile = 400;
const seed = 11;

let engine: Deployment | undefined;
afterAll(() => engine?.close(), 90_000);

/** Sends until it is confirmed, as a sender should. */
async function insist(url: string, body: string): Promise<void> {
  for (;;) {
    const status = await fetch(url, { method: 'POST', body }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    // As a sender that waits for the engine to come back.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('under kill -9 a directory and an HTTP source lose nothing, double nothing and keep the order', async () => {
  const workspace = await Workspace.create('http://127.0.0.1:9/');
  const folder = join(workspace.directory, 'drop');
  const port = await freePort();
  mkdirSync(folder);
  workspace.channel('drop', `{ directory: { path: ${folder}, accept: [ORU^R01], poll: 20ms, settle: 0ms } }`);
  workspace.channel('post', `{ http: { listen: "127.0.0.1:${port}", accept: [ORU^R01] } }`);
  engine = await Deployment.of(oneProcess, workspace);
  await engine.start();
  expect(engine.printed).toMatch(/drop +directory/);
  expect(engine.printed).toMatch(/post +http:/);

  const random = randomFromSeed(seed);
  const sent: string[] = [];
  const confirmed: Promise<void>[] = [];
  const messages = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => {
      sent.push(`${name}-${n}`);
      return result(`${name}-${n}`, name).toString('latin1');
    }).join('');
  let posting = Promise.resolve();
  for (let kill = 0; kill < kills; kill++) {
    for (let file = 0; file < filesEachTime; file++) {
      const text = messages(`F${kill}${file}`, messagesInFile);
      writeFileSync(join(folder, `.half`), text, 'latin1');
      renameSync(join(folder, '.half'), join(folder, `${kill}-${file}.hl7`));
      const body = messages(`P${kill}${file}`, 100);
      posting = posting.then(() => insist(`http://127.0.0.1:${port}/`, body));
      confirmed.push(posting);
    }
    // At any moment of the work on the files.
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 700));
    await engine.kill();
    await engine.start();
  }
  await Promise.all(confirmed);
  const claimed = join(folder, '.claimed');
  await eventually('every file is archived', () => {
    const left = [...readdirSync(folder).filter((name) => name.endsWith('.hl7')), ...readdirSync(claimed)];
    return left.length === 0 || left.join();
  });
  expect(existsSync(join(folder, 'error')) ? readdirSync(join(folder, 'error')) : []).toEqual([]);
  expect(readdirSync(join(folder, 'archive'))).toHaveLength(kills * filesEachTime * 2);

  const rows = await engine.database.query<{ id: string; lane: number; partition: number }>(
    `SELECT split_part(convert_from(raw, 'LATIN1'), '|', 10) AS id, lane, partition FROM journal
     WHERE kind = 0 ORDER BY lane, partition, seq`,
  );
  const stored = rows.map(({ id }) => id);
  expect(stored).toHaveLength(sent.length);
  expect(new Set(stored)).toEqual(new Set(sent));
  // Within one lane and partition a patient's messages stand as they stood in the file.
  const last = new Map<string, number>();
  for (const { id, lane, partition } of rows) {
    const [name = '', n = ''] = id.split('-');
    const place = `${lane} ${partition} ${name}`;
    expect(Number(n)).toBeGreaterThan(last.get(place) ?? -1);
    last.set(place, Number(n));
  }
}, 240_000);

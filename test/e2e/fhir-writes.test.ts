import { afterEach, expect, test } from '@jest/globals';
import { Deployment, eventually, oneProcess } from './deployment.js';
import { suture } from './suture-command.js';
import { Workspace } from './workspace.js';

let engine: Deployment | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
}, 90_000);

async function send(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${engine?.httpUrl ?? ''}/fhir/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${engine?.accessToken ?? ''}`,
      'content-type': 'application/fhir+json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

async function treeSize(): Promise<number> {
  const answer = await fetch(`${engine?.httpUrl ?? ''}/ledger/checkpoint`);
  return answer.status === 200 ? Number((await answer.text()).split('\n')[1]) : 0;
}

test('what was answered is there after kill -9, is in the ledger, and the audit finds it sound', async () => {
  engine = await Deployment.of(oneProcess, await Workspace.create('http://127.0.0.1:9/'));
  await engine.start();
  const answered: string[] = [];
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; n < 500; n++) {
      const id = `w${writer}-${n}`;
      try {
        const { status } = await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id, active: true });
        if (status !== 201) return;
        answered.push(id);
      } catch {
        return; // the engine is gone
      }
    }
  });
  await eventually('some are answered', () => answered.length > 40);
  await engine.kill();
  await Promise.all(writers);

  await engine.start();
  for (const id of answered) expect((await send('GET', `Patient/${id}`)).status).toBe(200);
  expect((await send('DELETE', `Patient/${answered[0] ?? ''}`)).status).toBe(204);
  await eventually('all of it is in the tree', async () => (await treeSize()) > answered.length);
  const audit = await suture(['audit'], engine.environment, engine.workspace.directory);
  expect([audit.code, audit.notes]).toEqual([0, expect.any(String)]);
  const trace = await suture(
    ['trace', `Patient/${answered[1] ?? ''}`],
    engine.environment,
    engine.workspace.directory,
  );
  expect(JSON.stringify(trace.lines)).toContain('"channel":"fhir-api"');
}, 120_000);

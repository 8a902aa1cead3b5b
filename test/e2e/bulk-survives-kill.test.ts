import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Deployment, oneProcess } from './deployment.js';
import { Workspace } from './workspace.js';

const resources = 12_000;
/** Each costs a start of the engine. */
const kills = { import: 1, export: 2 };

let engine: Deployment;
beforeAll(async () => {
  engine = await Deployment.of(oneProcess, await Workspace.create('http://127.0.0.1:9/'));
  await engine.start();
}, 90_000);
afterAll(() => engine.close(), 90_000);

function send(method: string, path: string, body?: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${engine.accessToken}`,
    prefer: 'respond-async',
    'content-type': 'application/fhir+ndjson',
  };
  return fetch(engine.httpUrl + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function file(method: string, path: string, body?: string): Promise<string> {
  const answer = await send(method, path, body);
  const location = answer.headers.get('content-location');
  if (answer.status !== 202 || location === null) throw new Error(await answer.text());
  return new URL(location).pathname;
}

interface Manifest {
  output: { url: string; count: number }[];
  extension?: Record<string, object>;
}

/** The manifest, or how many resources are through. */
async function ask(job: string): Promise<Manifest | number> {
  const answer = await send('GET', job);
  const text = await answer.text();
  if (answer.status === 200) return JSON.parse(text) as Manifest;
  if (answer.status !== 202) throw new Error(text);
  return Number.parseInt(answer.headers.get('x-progress') ?? '', 10) || 0;
}

/** Kills the engine whenever the job has moved on, then lets it end. */
async function killInTheMiddle(job: string, kills: number): Promise<{ manifest: Manifest; killed: number }> {
  let killed = 0;
  let reached = 0;
  for (;;) {
    const found = await ask(job);
    if (typeof found !== 'number') return { manifest: found, killed };
    if (found <= reached || killed === kills) continue;
    reached = found;
    killed++;
    await engine.kill();
    await engine.start();
  }
}

const line = (n: number) =>
  `{"resourceType":"Observation","id":"n${n}","status":"final","code":{"text":"w"},` +
  `"subject":{"reference":"Patient/p${n % 100}"},"valueQuantity":{"value":${n}.50}}`;

test('an import that is killed in the middle ends with every line in its place', async () => {
  const body = Array.from({ length: resources }, (_, n) => line(n)).join('\n');
  const { manifest, killed } = await killInTheMiddle(await file('POST', '/fhir/$import', body), kills.import);
  expect(killed).toBe(kills.import);
  expect(manifest.extension?.['urn:x-suture:import']).toMatchObject({ lines: resources, refused: 0 });
}, 240_000);

test('an export that is killed again and again holds every resource once', async () => {
  const { manifest, killed } = await killInTheMiddle(
    await file('GET', '/fhir/$export?_type=Observation'),
    kills.export,
  );
  expect(killed).toBeGreaterThan(0);
  const lines: string[] = [];
  for (const { url, count } of manifest.output) {
    const text = await (await send('GET', new URL(url).pathname)).text();
    const found = text.trimEnd().split('\n');
    expect(found).toHaveLength(count);
    lines.push(...found);
  }
  expect(lines).toHaveLength(resources);
  const ids = new Set(lines.map((one) => (JSON.parse(one) as { id: string }).id));
  expect(ids.size).toBe(resources);
  expect(lines.every((one) => one.includes('"versionId":"1"'))).toBe(true);
  const sample = lines.find((one) => one.includes('"id":"n7"'));
  expect(sample).toBe(await (await send('GET', '/fhir/Observation/n7')).text());
}, 240_000);

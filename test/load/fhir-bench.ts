import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawRoute, rawSql } from './fhir-baselines.js';
import { benchObservation, benchPatient, importBundle, patientId } from './fhir-resources.js';
import { searchFigures } from './fhir-searches.js';
import { CONNECTIONS, FhirStage, figure, figuresOf, IMPORTERS } from './fhir-stage.js';
import type { Figure } from './figure.js';
import type { HttpAsk, HttpLoad } from './http-load.js';

/** Patients (and an Observation of each) of the engine that does most of it. */
const FEW_PATIENTS = 1_000;

/**
 * `npm run bench -- fhir`: the FHIR API of real engines over HTTP: reads, searches among 1,000 and among `patients`
 * patients, creates, transactions, and all of it mixed; beside Fastify alone and PostgreSQL alone.
 */
export async function fhirBench(patients: number, say: (text: string) => void): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'suture-fhir-'));
  try {
    say('baseline: PostgreSQL alone ...');
    const sql = await rawSql(join(directory, 'baseline'), {
      senders: CONNECTIONS,
      rows: 8_000,
      reads: 30_000,
    });
    const figures = [
      figure('baseline: SELECT by key', sql.selectsPerSecond, '/s', `${CONNECTIONS} connections`),
      figure('baseline: one INSERT and commit a resource', sql.insertsPerSecond, '/s'),
    ];
    say(`an engine with ${FEW_PATIENTS} patients ...`);
    const few = await FhirStage.open(join(directory, 'few'), FEW_PATIENTS);
    try {
      say(`an engine with ${patients} patients ...`);
      const many = await FhirStage.open(join(directory, 'many'), patients);
      const searches = await searchFigures(few, many, say).finally(() => many.close());
      for (const part of [reading, creating, importing, mixing]) figures.push(...(await part(few, say)));
      return [...figures, ...searches];
    } finally {
      await few.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function reading(stage: FhirStage, say: (text: string) => void): Promise<Figure[]> {
  say('reads ...');
  const load = { connections: CONNECTIONS, count: 30_000 };
  const body = await stage.text(`/fhir/Patient/${patientId(1)}`);
  const raw = await rawRoute(body, load);
  const read = await stage.measured({
    ...load,
    ask: (n) => ({ method: 'GET', path: `/fhir/Patient/${patientId((n * 7) % stage.patients)}` }),
  });
  return [
    ...figuresOf('read', read, CONNECTIONS),
    figure('baseline: Fastify alone, the same body', raw.perSecond, '/s', `${body.length} characters`),
    figure('  read, of that', read.perSecond / raw.perSecond, 'times'),
  ];
}

async function creating(stage: FhirStage, say: (text: string) => void): Promise<Figure[]> {
  say('creates ...');
  const ask = (): HttpAsk => {
    const n = stage.next++;
    const resource =
      n % 5 === 0 ? benchPatient(n) : benchObservation(n, `Patient/${patientId(n % stage.patients)}`);
    return { method: 'POST', path: `/fhir/${resource['resourceType']}`, body: JSON.stringify(resource) };
  };
  const many = await stage.measured({ connections: CONNECTIONS, count: 6_000, ask });
  const one = await stage.measured({ connections: 1, count: 800, ask });
  return [...figuresOf('create', many, CONNECTIONS), ...figuresOf('create, one connection', one, 1)];
}

async function importing(stage: FhirStage, say: (text: string) => void): Promise<Figure[]> {
  say('transactions ...');
  await stage.load(imports(stage, 100, 40)); // V8 compiles what is hot
  const figures: Figure[] = [];
  for (const [size, count] of [
    [100, 60],
    [1_000, 10],
  ] as const) {
    const measured = await stage.measured(imports(stage, size, count));
    const each = { of: size, unit: 'resources/s', each: 'resource' };
    const name = `transactions of ${size.toLocaleString('en')} resources`;
    figures.push(...figuresOf(name, measured, IMPORTERS, each));
  }
  return figures;
}

function imports(stage: FhirStage, size: number, count: number): HttpLoad {
  const bundles = Array.from({ length: count }, () => {
    stage.next += size;
    return importBundle(stage.next - size, size);
  });
  const ask = (n: number): HttpAsk => ({ method: 'POST', path: '/fhir', body: bundles[n] ?? '' });
  return { connections: IMPORTERS, count, ask };
}

async function mixing(stage: FhirStage, say: (text: string) => void): Promise<Figure[]> {
  say('mixed ...');
  const asked = { connections: CONNECTIONS, count: 15_000, ask: (n: number) => stage.mixed(n) };
  const name = 'mixed: 80 % read, 10 % search, 10 % create';
  return figuresOf(name, await stage.measured(asked), CONNECTIONS);
}

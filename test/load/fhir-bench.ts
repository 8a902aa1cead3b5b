import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineProcess } from './engine-process.js';
import { rawRoute, rawSql } from './fhir-baselines.js';
import {
  benchCode,
  benchInstant,
  benchObservation,
  benchPatient,
  identifierSystem,
  importBundle,
  patientId,
  patientIdentifier,
  populationBundle,
  rareFamily,
} from './fhir-resources.js';
import type { Figure } from './figure.js';
import { type HttpAsk, type HttpLoad, type HttpLoadReport, runHttpLoad } from './http-load.js';

const TOKEN = 'a-token-of-the-bench';
const CONNECTIONS = 16;
/** Transactions on their way at the same time. */
const IMPORTERS = 4;
/** Patients (and an Observation of each) before the first search is measured. */
const FIRST_PATIENTS = 1_000;
/** Resources of one transaction that fills the store. */
const FILL_SIZE = 500;
/** Of each kind: the p99 is the 30th slowest. */
const SEARCHES = 3_000;

interface Measured extends HttpLoadReport {
  /** Of engine and PostgreSQL, a request. */
  readonly cpuMicros: number;
}

interface Stage {
  readonly engine: EngineProcess;
  readonly origin: string;
  readonly figures: Figure[];
  readonly say: (text: string) => void;
  /** The next number that no resource has yet. */
  next: number;
}

/**
 * `npm run bench -- fhir`: the FHIR API of a real engine over HTTP: reads, searches among 1,000 and among `patients`
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
    const engine = await startEngine(directory);
    try {
      const origin = `http://127.0.0.1:${engine.httpPort}`;
      const stage: Stage = { engine, origin, figures: [], say, next: 10_000_000 };
      stage.figures.push(
        figure('baseline: SELECT by key', sql.selectsPerSecond, '/s', `${CONNECTIONS} connections`),
        figure('baseline: one INSERT and commit a resource', sql.insertsPerSecond, '/s'),
      );
      await scenarios(stage, patients);
      return stage.figures;
    } finally {
      await engine.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function startEngine(directory: string): Promise<EngineProcess> {
  const channels = join(directory, 'channels');
  mkdirSync(channels);
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
  return EngineProcess.start('engine', {
    SUTURE_DATA_DIR: join(directory, 'data'),
    SUTURE_CHANNELS: channels,
    SUTURE_ACCESS_TOKEN_FILE: tokenFile,
    SUTURE_LOG_LEVEL: 'error',
  });
}

async function scenarios(stage: Stage, patients: number): Promise<void> {
  const { say } = stage;
  say(`${FIRST_PATIENTS} patients ...`);
  await fill(stage, 0, FIRST_PATIENTS);
  say('warm-up ...');
  await load(stage, { connections: CONNECTIONS, count: 8_000, ask: mixed(stage, FIRST_PATIENTS) });
  await importing(stage, 100, 40);
  await reading(stage);
  const few = await searching(stage, FIRST_PATIENTS);
  await creating(stage);
  say('transactions ...');
  await importing(stage, 100, 60, 'transactions of 100 resources');
  await importing(stage, 1_000, 10, 'transactions of 1,000 resources');
  say('mixed ...');
  await measured(stage, 'mixed: 80 % read, 10 % search, 10 % create', {
    connections: CONNECTIONS,
    count: 15_000,
    ask: mixed(stage, FIRST_PATIENTS),
  });
  say(`${patients} patients ...`);
  await fill(stage, FIRST_PATIENTS, patients);
  const many = await searching(stage, patients);
  for (const [name, before] of few) {
    const after = many.get(name);
    if (after === undefined) continue;
    const times = (of: 'p50Ms' | 'cpuMicros'): string => (after[of] / before[of]).toFixed(2);
    const note = `p50 ${times('p50Ms')} times, CPU ${times('cpuMicros')} times; goal: p99 at most 1.5 from 1,000 to 100,000`;
    const ratio = after.p99Ms / before.p99Ms;
    stage.figures.push(
      figure(`search by ${name}: p99 among ${patients} over ${FIRST_PATIENTS}`, ratio, 'times', note),
    );
  }
}

async function reading(stage: Stage): Promise<void> {
  stage.say('reads ...');
  const count = 30_000;
  const answer = await stage.engine.get(`/fhir/Patient/${patientId(1)}`, {
    authorization: `Bearer ${TOKEN}`,
  });
  const body = await answer.text();
  const raw = await rawRoute(body, { connections: CONNECTIONS, count });
  const read = await measured(stage, 'read', {
    connections: CONNECTIONS,
    count,
    ask: (n) => ({ method: 'GET', path: `/fhir/Patient/${patientId((n * 7) % FIRST_PATIENTS)}` }),
  });
  stage.figures.push(
    figure('baseline: Fastify alone, the same body', raw.perSecond, '/s', `${body.length} characters`),
    figure('  read, of that', read.perSecond / raw.perSecond, 'times'),
  );
}

/** Searches that a few resources answer, among all patients there are: each by another kind of parameter. */
const kinds: Readonly<Record<string, (n: number) => string>> = {
  identifier: (n) => `Patient?identifier=${identifierSystem}|${patientIdentifier(n)}`,
  patient: (n) => `Observation?patient=Patient/${patientId(n)}`,
  'code and patient': (n) =>
    `Observation?code=http://loinc.org|${benchCode(n)}&patient=Patient/${patientId(n)}`,
  'code and date': (n) => `Observation?code=${benchCode(n)}&date=${benchInstant(n).slice(0, 16)}Z`,
  date: (n) =>
    `Observation?date=ge${benchInstant(n).slice(0, 13)}:00Z&date=lt${benchInstant(n).slice(0, 13)}:59Z`,
  'family name, exact': (n) => `Patient?family:exact=${rareFamily(n)}`,
  'family name, its beginning': (n) => `Patient?family=${rareFamily(n).slice(0, 6).toLowerCase()}`,
  'value in another unit': () =>
    'Observation?value-quantity=gt5000|http://unitsofmeasure.org|umol/L&_count=10',
  'code and rare value': () => 'Observation?code-value-quantity=2823-3$gt12&_count=10',
  chain: (n) => `Observation?patient.identifier=${identifierSystem}|${patientIdentifier(n)}`,
  _has: (n) => `Patient?_has:Observation:patient:identifier=R${n}`,
  _id: (n) => `Patient?_id=${patientId(n)}`,
  'last change, newest first': () => 'Patient?_lastUpdated=ge2020&_sort=-_lastUpdated&_count=10',
};

/** Each kind by itself; what it answers is of the same size, however many patients there are. */
async function searching(stage: Stage, patients: number): Promise<Map<string, Measured>> {
  stage.say(`searches among ${patients} patients ...`);
  const reports = new Map<string, Measured>();
  for (const [name, query] of Object.entries(kinds)) {
    const ask = (n: number): HttpAsk => ({
      method: 'GET',
      path: `/fhir/${query(scattered(n, patients))}`,
    });
    await load(stage, { connections: CONNECTIONS, count: SEARCHES / 10, ask });
    const asked = { connections: CONNECTIONS, count: SEARCHES, ask };
    reports.set(name, await measured(stage, `search by ${name}, ${patients} patients`, asked));
  }
  return reports;
}

async function creating(stage: Stage): Promise<void> {
  stage.say('creates ...');
  const ask = (): HttpAsk => {
    const n = stage.next++;
    const resource =
      n % 5 === 0 ? benchPatient(n) : benchObservation(n, `Patient/${patientId(n % FIRST_PATIENTS)}`);
    return { method: 'POST', path: `/fhir/${resource['resourceType']}`, body: JSON.stringify(resource) };
  };
  await measured(stage, 'create', { connections: CONNECTIONS, count: 6_000, ask });
  await measured(stage, 'create, one connection', { connections: 1, count: 800, ask });
}

/** Without a name it is a warm-up. */
async function importing(stage: Stage, size: number, count: number, name?: string): Promise<void> {
  const bundles = Array.from({ length: count }, () => {
    stage.next += size;
    return importBundle(stage.next - size, size);
  });
  const asked: HttpLoad = {
    connections: IMPORTERS,
    count,
    ask: (n) => ({ method: 'POST', path: '/fhir', body: bundles[n] ?? '' }),
  };
  if (name === undefined) await load(stage, asked);
  else await measured(stage, name, asked, { of: size, unit: 'resources/s', each: 'resource' });
}

async function fill(stage: Stage, from: number, to: number): Promise<void> {
  const step = FILL_SIZE / 2;
  await load(stage, {
    connections: IMPORTERS,
    count: Math.ceil(Math.max(0, to - from) / step),
    ask: (n) => {
      const first = from + n * step;
      return { method: 'POST', path: '/fhir', body: populationBundle(first, Math.min(first + step, to)) };
    },
  });
}

function mixed(stage: Stage, patients: number): (n: number) => HttpAsk {
  return (n) => {
    if (n % 10 === 3) return byIdentifier(n, patients);
    if (n % 10 !== 7) return { method: 'GET', path: `/fhir/Patient/${patientId(scattered(n, patients))}` };
    const number = stage.next++;
    const resource = benchObservation(number, `Patient/${patientId(scattered(n, patients))}`);
    return { method: 'POST', path: '/fhir/Observation', body: JSON.stringify(resource) };
  };
}

function byIdentifier(n: number, patients: number): HttpAsk {
  const value = patientIdentifier(scattered(n, patients));
  return { method: 'GET', path: `/fhir/Patient?identifier=${identifierSystem}|${value}` };
}

/** Numbers that follow each other fall far apart. */
function scattered(n: number, among: number): number {
  return (n * 7_919) % among;
}

async function load({ origin }: Stage, asked: HttpLoad): Promise<HttpLoadReport> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/fhir+json' };
  const report = await runHttpLoad(origin, headers, asked);
  if (report.failed > 0) throw new Error(`${report.failed} of ${asked.count} requests failed`);
  return report;
}

async function measured(
  stage: Stage,
  name: string,
  asked: HttpLoad,
  { of, unit, each } = { of: 1, unit: '/s', each: 'request' },
): Promise<Measured> {
  const before = stage.engine.cpuSeconds();
  const report = await load(stage, asked);
  const after = stage.engine.cpuSeconds();
  const micros = (seconds: number) => (seconds * 1e6) / (asked.count * of);
  const plural = asked.connections === 1 ? '' : 's';
  stage.figures.push(
    figure(name, report.perSecond * of, unit, `${asked.connections} connection${plural}`),
    figure('  p50', report.p50Ms, 'ms'),
    figure('  p99', report.p99Ms, 'ms'),
    figure('  CPU of the engine', micros(after.engine - before.engine), `µs/${each}`),
    figure('  CPU of PostgreSQL', micros(after.database - before.database), `µs/${each}`),
  );
  const cpuMicros = micros(after.engine - before.engine + after.database - before.database);
  return { ...report, cpuMicros };
}

function figure(name: string, value: number, unit: string, note?: string): Figure {
  return note === undefined ? { name, value, unit } : { name, value, unit, note };
}

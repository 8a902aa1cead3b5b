import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineProcess } from './engine-process.js';
import {
  benchObservation,
  identifierSystem,
  patientId,
  patientIdentifier,
  populationBundle,
} from './fhir-resources.js';
import type { Figure } from './figure.js';
import { type HttpAsk, type HttpLoad, type HttpLoadReport, runHttpLoad } from './http-load.js';

const TOKEN = 'a-token-of-the-bench';
export const CONNECTIONS = 16;
/** Transactions on their way at the same time. */
export const IMPORTERS = 4;
/** Resources of one transaction that fills the store. */
const FILL_SIZE = 500;

export interface Measured extends HttpLoadReport {
  /** Of the engine and of PostgreSQL, a request. */
  readonly engineMicros: number;
  readonly databaseMicros: number;
}

/** An engine with patients, and an Observation of each. */
export class FhirStage {
  private constructor(
    private readonly engine: EngineProcess,
    readonly patients: number,
    /** The next number that no resource has yet. */
    public next: number,
  ) {}

  /** Starts an engine in a new `directory`, fills it, and lets V8 compile what is hot. */
  static async open(directory: string, patients: number): Promise<FhirStage> {
    const channels = join(directory, 'channels');
    mkdirSync(channels, { recursive: true });
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    const engine = await EngineProcess.start('engine', {
      SUTURE_DATA_DIR: join(directory, 'data'),
      SUTURE_CHANNELS: channels,
      SUTURE_ACCESS_TOKEN_FILE: tokenFile,
      SUTURE_LOG_LEVEL: 'error',
    });
    const stage = new FhirStage(engine, patients, 10_000_000);
    await stage.fill();
    await stage.load({ connections: CONNECTIONS, count: 8_000, ask: (n) => stage.mixed(n) });
    return stage;
  }

  close(): Promise<void> {
    return this.engine.stop();
  }

  private async fill(): Promise<void> {
    const step = FILL_SIZE / 2;
    await this.load({
      connections: IMPORTERS,
      count: Math.ceil(this.patients / step),
      ask: (n) => {
        const first = n * step;
        return {
          method: 'POST',
          path: '/fhir',
          body: populationBundle(first, Math.min(first + step, this.patients)),
        };
      },
    });
  }

  /** Of ten requests one is a search, one a create, the others are reads. */
  mixed(n: number): HttpAsk {
    const patient = this.scattered(n);
    if (n % 10 === 3)
      return {
        method: 'GET',
        path: `/fhir/Patient?identifier=${identifierSystem}|${patientIdentifier(patient)}`,
      };
    if (n % 10 !== 7) return { method: 'GET', path: `/fhir/Patient/${patientId(patient)}` };
    const resource = benchObservation(this.next++, `Patient/${patientId(patient)}`);
    return { method: 'POST', path: '/fhir/Observation', body: JSON.stringify(resource) };
  }

  /** Numbers of patients that follow each other fall far apart. */
  scattered(n: number): number {
    return (n * 7_919) % this.patients;
  }

  async text(path: string): Promise<string> {
    return (await this.engine.get(path, { authorization: `Bearer ${TOKEN}` })).text();
  }

  async load(asked: HttpLoad): Promise<HttpLoadReport> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/fhir+json' };
    const origin = `http://127.0.0.1:${this.engine.httpPort}`;
    const report = await runHttpLoad(origin, headers, asked);
    if (report.failed > 0) throw new Error(`${report.failed} of ${asked.count} requests failed`);
    return report;
  }

  async measured(asked: HttpLoad): Promise<Measured> {
    const before = this.engine.cpuSeconds();
    const report = await this.load(asked);
    const after = this.engine.cpuSeconds();
    const micros = (seconds: number) => (seconds * 1e6) / asked.count;
    return {
      ...report,
      engineMicros: micros(after.engine - before.engine),
      databaseMicros: micros(after.database - before.database),
    };
  }
}

export function figure(name: string, value: number, unit: string, note?: string): Figure {
  return note === undefined ? { name, value, unit } : { name, value, unit, note };
}

/** What was measured as lines of the table. A request may carry several of what is counted. */
export function figuresOf(
  name: string,
  { perSecond, p50Ms, p99Ms, engineMicros, databaseMicros }: Measured,
  connections: number,
  { of, unit, each } = { of: 1, unit: '/s', each: 'request' },
): Figure[] {
  const plural = connections === 1 ? '' : 's';
  return [
    figure(name, perSecond * of, unit, `${connections} connection${plural}`),
    figure('  p50', p50Ms, 'ms'),
    figure('  p99', p99Ms, 'ms'),
    figure('  CPU of the engine', engineMicros / of, `µs/${each}`),
    figure('  CPU of PostgreSQL', databaseMicros / of, `µs/${each}`),
  ];
}

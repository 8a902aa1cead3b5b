import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { baselines } from './baselines.js';
import { benchMessages } from './bench-messages.js';
import { EngineProcess, freePort } from './engine-process.js';
import { fhirBench } from './fhir-bench.js';
import type { Figure } from './figure.js';
import { hostileBench } from './hostile-bench.js';
import { HttpSink } from './http-sink.js';
import { mappingBench } from './mapping-bench.js';
import type { MessageTemplate } from './message-templates.js';
import { type LoadOptions, type LoadReport, runLoad } from './mllp-load.js';
import { readWords } from './read-words.js';
import { rowsBench } from './rows-bench.js';
import { validationBench } from './validation-bench.js';

const SETTLE_WITHIN_MS = 120_000;
/** How often is looked whether it has settled: at the sink, which costs nothing, and at the engine's checkpoint. */
const SINK_POLL_MS = 5;
const TREE_POLL_MS = 25;

interface Stage {
  /** Where the tables of the embedded PostgreSQL lie. */
  readonly tables: string;
  readonly engine: EngineProcess;
  readonly sink: HttpSink;
  readonly port: number;
  readonly templates: readonly MessageTemplate[];
  readonly figures: Figure[];
}

const USAGE = `npm run bench [-- --quick] [--messages <folder>] [--json]
npm run bench -- mapping [--quick] [--json]
npm run bench -- hostile [--json]
npm run bench -- rows [--megabytes <number>] [--json]
npm run bench -- fhir [--patients <number>] [--json]
npm run bench -- validation [--json]

Starts the engine, drives load through the whole pipe to an HTTP receiver, and prints the figures as a table and as JSON.
With mapping: no engine, the mapping language alone against a mapper written by hand, and documents against their parser.
With hostile: files that do harm before one channel, and the latency of another one meanwhile.
With validation: CPU time of validating a resource, and of XML.
With rows: a large file of rows read, converted, and a smaller one through a folder of an engine.
With fhir: the FHIR API of an engine over HTTP; the load generator shares the cores with it, so read the ratios.

  --quick              a fifth of the messages
  --messages <folder>  messages to send instead of the usual ones
  --megabytes <number> size of the file of rows; default 200
  --patients <number>  patients of the second round of searches; default 4000
  --json               JSON alone`;

/** Drives load through the whole pipe to an HTTP sink and prints the figures. Answers the exit code. */
export async function bench(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'mapping') return benchMapping(argv.slice(1));
  if (argv[0] === 'hostile') return benchHostile(argv.slice(1));
  if (argv[0] === 'rows') return benchRows(argv.slice(1));
  if (argv[0] === 'fhir') return benchFhir(argv.slice(1));
  if (argv[0] === 'validation') return benchValidation(argv.slice(1));
  const words = readWords(argv, USAGE, {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    messages: { type: 'string' },
  });
  if (!words.good) return words.exitCode;
  const { json = false, quick = false, messages } = words.values;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const directory = mkdtempSync(join(tmpdir(), 'suture-bench-'));
  const sink = await HttpSink.open();
  const { templates, origin } = benchMessages(messages);
  say(`messages: ${origin}; ${cpus().length} cores; load generator and sink share them with the engine`);
  const figures: Figure[] = [];
  try {
    say('baselines ...');
    figures.push(...(await baselines(templates, join(directory, 'baselines'), quick)));
    const port = await freePort();
    writeFileSync(join(directory, 'bench.yaml'), benchChannel(port, sink.port));
    const engine = await EngineProcess.start('engine', {
      SUTURE_DATA_DIR: join(directory, 'data'),
      SUTURE_CHANNELS: directory,
      SUTURE_LOG_LEVEL: 'error',
    });
    try {
      const tables = join(directory, 'data', 'postgres', 'base');
      await scenarios({ engine, sink, port, templates, figures, tables }, quick ? 0.2 : 1, say);
    } finally {
      await engine.stop();
    }
  } finally {
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
  print(figures, json);
  return 0;
}

function benchMapping(argv: readonly string[]): number {
  const words = readWords(argv, USAGE, { json: { type: 'boolean' }, quick: { type: 'boolean' } });
  if (!words.good) return words.exitCode;
  const { json = false, quick = false } = words.values;
  print(
    mappingBench(quick ? 0.2 : 1, (text) => process.stderr.write(`${text}\n`)),
    json,
  );
  return 0;
}

function benchValidation(argv: readonly string[]): number {
  const words = readWords(argv, USAGE, { json: { type: 'boolean' } });
  if (!words.good) return words.exitCode;
  print(validationBench(), words.values.json ?? false);
  return 0;
}

async function benchHostile(argv: readonly string[]): Promise<number> {
  const words = readWords(argv, USAGE, { json: { type: 'boolean' } });
  if (!words.good) return words.exitCode;
  print(await hostileBench((text) => process.stderr.write(`${text}\n`)), words.values.json ?? false);
  return 0;
}

async function benchRows(argv: readonly string[]): Promise<number> {
  const words = readWords(argv, USAGE, { json: { type: 'boolean' }, megabytes: { type: 'string' } });
  if (!words.good) return words.exitCode;
  const { json = false, megabytes = '200' } = words.values;
  if (!/^[1-9]\d{0,5}$/.test(megabytes)) {
    process.stderr.write(`--megabytes wants a whole number\n\n${USAGE}\n`);
    return 2;
  }
  print(await rowsBench(Number(megabytes), (text) => process.stderr.write(`${text}\n`)), json);
  return 0;
}

async function benchFhir(argv: readonly string[]): Promise<number> {
  const words = readWords(argv, USAGE, { json: { type: 'boolean' }, patients: { type: 'string' } });
  if (!words.good) return words.exitCode;
  const { json = false, patients = '4000' } = words.values;
  if (!/^[1-9]\d{3,6}$/.test(patients)) {
    process.stderr.write(`--patients wants a whole number from 1000 on\n\n${USAGE}\n`);
    return 2;
  }
  print(await fhirBench(Number(patients), (text) => process.stderr.write(`${text}\n`)), json);
  return 0;
}

function print(figures: readonly Figure[], json: boolean): void {
  if (!json) process.stdout.write(`${table(figures)}\n`);
  process.stdout.write(`${JSON.stringify({ figures })}\n`);
}

async function scenarios(stage: Stage, scale: number, say: (text: string) => void): Promise<void> {
  const { figures } = stage;
  const n = (count: number) => Math.max(200, Math.round(count * scale));
  // V8 goes on compiling what is hot for some twenty thousand messages; a hospital's engine runs for months.
  say('warm-up ...');
  await through(stage, { count: n(20_000), connections: 8, window: 1, prefix: 'W' });
  say('end to end, 8 connections, send and wait ...');
  await endToEnd(stage, 'end to end, 8 connections', {
    count: n(20_000),
    connections: 8,
    window: 1,
    prefix: 'E',
  });
  say('end to end, a new patient every 4 messages ...');
  // What only new patients need has to be compiled first, and a few hundred messages would measure that.
  const fresh = { count: Math.max(2_000, n(3_000)), connections: 8, window: 1, messagesPerPatient: 4 };
  await through(stage, { ...fresh, prefix: 'V' });
  await endToEnd(stage, 'end to end, fresh patients', { ...fresh, prefix: 'F' });
  say('one connection, send and wait ...');
  const one = await through(stage, { count: n(2_000), connections: 1, window: 1, prefix: 'O' });
  figures.push({ name: 'one connection, send and wait', value: one.load.perSecond, unit: 'msg/s' });
  say('overload ...');
  const over = await through(stage, { count: n(20_000), connections: 8, window: 16, prefix: 'L' });
  figures.push(
    {
      name: 'ACK p50 under overload',
      value: over.load.ackMs.p50,
      unit: 'ms',
      note: '8 connections, 16 unanswered each',
    },
    { name: 'ACK p99 under overload', value: over.load.ackMs.p99, unit: 'ms' },
  );
  say('10 messages a second ...');
  const calm = await through(stage, {
    count: Math.max(50, n(100)),
    connections: 1,
    window: 4,
    prefix: 'C',
    rate: 10,
  });
  figures.push(
    { name: 'ACK p50 at 10 msg/s', value: calm.load.ackMs.p50, unit: 'ms' },
    { name: 'ACK p99 at 10 msg/s', value: calm.load.ackMs.p99, unit: 'ms' },
  );
  const megabytes = stage.engine.peakResidentBytes / 1024 ** 2;
  figures.push({
    name: 'resident memory, all roles, peak',
    value: megabytes,
    unit: 'MB',
    note: 'PostgreSQL not counted',
  });
}

async function endToEnd(
  stage: Stage,
  name: string,
  options: Omit<LoadOptions, 'port' | 'templates'>,
): Promise<void> {
  const bytesBefore = bytesUnder(stage.tables);
  const { load, seconds, cpu } = await through(stage, options);
  const bytes = bytesUnder(stage.tables) - bytesBefore;
  const micros = (value: number) => (value * 1e6) / load.acknowledged;
  const refused = load.refused + load.unanswered;
  stage.figures.push(
    {
      name,
      value: load.acknowledged / seconds,
      unit: 'msg/s',
      note: `sent to delivered and in the tree; ${refused} failed`,
    },
    { name: `${name}: acknowledged`, value: load.perSecond, unit: 'msg/s' },
    { name: `${name}: CPU of the engine`, value: micros(cpu.engine), unit: 'µs/msg' },
    { name: `${name}: CPU of PostgreSQL`, value: micros(cpu.database), unit: 'µs/msg' },
    {
      name: `${name}: disk`,
      value: bytes / load.acknowledged / 1000,
      unit: 'KB/msg',
      note: 'tables and indexes',
    },
  );
}

/** Sends, and waits until every acknowledged message is delivered and in the ledger's tree. */
async function through(
  { engine, sink, port, templates }: Stage,
  options: Omit<LoadOptions, 'port' | 'templates'>,
): Promise<{ load: LoadReport; seconds: number; cpu: { engine: number; database: number } }> {
  const deliveredBefore = sink.stats.unique;
  const anchoredBefore = await engine.treeSize();
  const cpuBefore = engine.cpuSeconds();
  const startMs = performance.now();
  const load = await runLoad({ ...options, port, templates });
  const deadlineMs = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const delivered = sink.stats.unique - deliveredBefore;
    // Asking costs the engine CPU that is counted: it is not asked before everything is delivered.
    const anchored = delivered < load.acknowledged ? undefined : (await engine.treeSize()) - anchoredBefore;
    if (anchored !== undefined && anchored >= load.acknowledged) break;
    if (performance.now() > deadlineMs) {
      const tree = anchored ?? 'not asked';
      throw new Error(
        `acknowledged ${load.acknowledged}, delivered ${delivered}, in the tree ${tree}: it does not settle`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, anchored === undefined ? SINK_POLL_MS : TREE_POLL_MS));
  }
  const cpuAfter = engine.cpuSeconds();
  const cpu = {
    engine: cpuAfter.engine - cpuBefore.engine,
    database: cpuAfter.database - cpuBefore.database,
  };
  return { load, seconds: (performance.now() - startMs) / 1000, cpu };
}

/** Of all files in a directory and below. */
function bytesUnder(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return files.reduce(
    (sum, file) => sum + (statSync(join(file.parentPath, file.name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

function benchChannel(port: number, sinkPort: number): string {
  return `channel: bench
source: { mllp: { listen: "127.0.0.1:${port}", accept: [ADT^A01, ADT^A04, ADT^A08, ORU^R01, VXU^V04] } }
transform: { mapping: hl7v2 }
routes: [{ to: sink }]
destinations: { sink: { http: { url: "http://127.0.0.1:${sinkPort}/" } } }
`;
}

function table(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  const line = ({ name, value, unit, note }: Figure) => {
    const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
    const amount = value.toFixed(digits).padStart(9);
    return `${name.padEnd(width)} ${amount} ${unit.padEnd(7)}${note === undefined ? '' : ` ${note}`}`;
  };
  return figures.map(line).join('\n');
}

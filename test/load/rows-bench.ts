import { spawn } from 'node:child_process';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CsvReader } from '#csv';
import { MappingLibrary } from '#mapping';
import { repositoryRoot } from './bench-messages.js';
import { EngineProcess } from './engine-process.js';
import type { Figure } from './figure.js';
import { cpuOf, peakOf } from './process-facts.js';
import { type RowsFile, writeRowsFile } from './rows-file.js';

const SEED = 20_251_129;
const MEGABYTE = 1_000_000;
const PIECE_BYTES = 256 * 1024;
/** The part of the file's size that goes through the engine, and the most of it. */
const ENGINE_SHARE = 0.1;
const ENGINE_MOST_MEGABYTES = 20;
const SAMPLE_MS = 50;
const POLL_MS = 50;
const TAKEN_WITHIN_MS = 1_800_000;

/** What a process used. */
interface Used {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

interface ConversionFacts {
  readonly outcome: string;
  readonly messages: number;
  readonly rows: { readonly rows: number; readonly badRows: number };
}

interface TakenFacts {
  readonly bytes: number;
  readonly units: number;
  readonly journaled: number;
  readonly refused: number;
  readonly duplicates: number;
  readonly refusals: readonly { readonly line: number }[];
}

/**
 * `npm run bench -- rows`: a file of rows is read, converted by `suture convert` in a process of its own, and a smaller one
 * goes through a folder of a real engine. Says what went in, what came out, and what it took.
 */
export async function rowsBench(megabytes: number, say: (text: string) => void): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'suture-rows-'));
  try {
    say(`making a file of ${megabytes} MB ...`);
    const file = writeRowsFile(join(directory, 'large.csv'), { bytes: megabytes * MEGABYTE, seed: SEED });
    say(`${file.rows} rows, ${file.badRows} of them bad, ${file.groups} groups, ${file.patients} patients`);
    say('baseline: reading it ...');
    const baseline = await readAlone(file);
    say('suture convert ...');
    const converted = await convertAlone(file, directory);
    say('through a folder of an engine ...');
    const share = Math.min(megabytes * ENGINE_SHARE, ENGINE_MOST_MEGABYTES);
    return [...baseline, ...converted, ...(await throughEngine(share, directory))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Cut into units, and nothing else. */
async function readAlone(file: RowsFile): Promise<Figure[]> {
  const library = new MappingLibrary(join(repositoryRoot, 'mappings'));
  const { layouts } = library.set(library.usualLayers);
  const reader = new CsvReader({ layouts });
  const startMs = performance.now();
  const before = process.cpuUsage();
  for await (const piece of createReadStream(file.path, { highWaterMark: PIECE_BYTES }))
    reader.push(piece as Buffer);
  reader.end();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startMs) / 1000;
  return [
    {
      name: 'baseline: cut into units by CsvReader, and nothing else',
      value: file.bytes / MEGABYTE / seconds,
      unit: 'MB/s',
      note: told(reader.rows, reader.units, reader.badRows, file),
    },
    { name: '  CPU', value: (user + system) / reader.rows, unit: 'µs/row' },
  ];
}

async function convertAlone(file: RowsFile, directory: string): Promise<Figure[]> {
  const to = join(directory, 'out');
  const used = await runSuture(['convert', file.path, '--out', to]);
  const bundle = statSync(join(to, 'large.json')).size;
  const report = JSON.parse(readFileSync(join(to, 'large.report.json'), 'utf8')) as ConversionFacts;
  rmSync(to, { recursive: true });
  const { rows, badRows } = report.rows;
  return [
    {
      name: 'suture convert, to one Bundle and its report',
      value: file.bytes / MEGABYTE / used.seconds,
      unit: 'MB/s',
      note: told(rows, report.messages, badRows, file),
    },
    {
      name: '  time',
      value: used.seconds,
      unit: 's',
      note: `the Bundle has ${Math.round(bundle / MEGABYTE)} MB`,
    },
    { name: '  CPU', value: (used.cpuSeconds * 1e6) / rows, unit: 'µs/row' },
    { name: '  peak memory', value: used.peakBytes / 1024 ** 2, unit: 'MB', note: 'resident' },
  ];
}

async function throughEngine(megabytes: number, directory: string): Promise<Figure[]> {
  const inbox = join(directory, 'inbox');
  const channels = join(directory, 'channels');
  for (const folder of [inbox, channels]) mkdirSync(folder);
  const file = writeRowsFile(join(directory, 'day.csv'), { bytes: megabytes * MEGABYTE, seed: SEED });
  writeFileSync(
    join(channels, 'rows.yaml'),
    `channel: rows
source: { directory: { path: "${inbox}", poll: 100ms, settle: 0ms, format: csv, accept: [csv.labs] } }
transform: { mapping: csv }
`,
  );
  const engine = await EngineProcess.start('engine', {
    SUTURE_DATA_DIR: join(directory, 'data'),
    SUTURE_CHANNELS: channels,
    SUTURE_LOG_LEVEL: 'error',
  });
  try {
    const calmBytes = engine.peakResidentBytes;
    const cpuBefore = engine.cpuSeconds();
    const startMs = performance.now();
    renameSync(file.path, join(inbox, 'day.csv'));
    const report = await reportOf(join(inbox, 'archive', 'day.csv.report.json'), startMs);
    const journaledSeconds = (performance.now() - startMs) / 1000;
    while ((await engine.treeSize()) < report.journaled) await later(startMs);
    const seconds = (performance.now() - startMs) / 1000;
    const cpu = engine.cpuSeconds();
    const perRow = (spent: number) => (spent * 1e6) / file.rows;
    const size = `${Math.round(file.bytes / MEGABYTE)} MB`;
    return [
      {
        name: `a folder of an engine, ${size}: journaled, archived, reported`,
        value: file.bytes / MEGABYTE / journaledSeconds,
        unit: 'MB/s',
        note: told(undefined, report.journaled, report.refused, file),
      },
      {
        name: '  mapped, stored and in the tree',
        value: file.rows / seconds,
        unit: 'rows/s',
        note: `${(report.journaled / seconds).toFixed(0)} messages a second; first bad line ${report.refusals[0]?.line ?? 0}`,
      },
      { name: '  CPU of the engine', value: perRow(cpu.engine - cpuBefore.engine), unit: 'µs/row' },
      { name: '  CPU of PostgreSQL', value: perRow(cpu.database - cpuBefore.database), unit: 'µs/row' },
      {
        name: '  peak memory, all roles',
        value: engine.peakResidentBytes / 1024 ** 2,
        unit: 'MB',
        note: `${Math.round(calmBytes / 1024 ** 2)} before the file`,
      },
    ];
  } finally {
    await engine.stop();
  }
}

/** Count in against count out: everything that was put in is told, or the note says so. */
function told(rows: number | undefined, messages: number, bad: number, file: RowsFile): string {
  const isAll = (rows ?? file.rows) === file.rows && messages === file.groups && bad === file.badRows;
  return `${file.rows} rows in; ${messages} messages, ${bad} bad rows out: ${isAll ? 'all' : 'NOT ALL'}`;
}

async function reportOf(path: string, startMs: number): Promise<TakenFacts> {
  while (!existsSync(path)) await later(startMs);
  return JSON.parse(readFileSync(path, 'utf8')) as TakenFacts;
}

async function later(startMs: number): Promise<void> {
  if (performance.now() - startMs > TAKEN_WITHIN_MS) throw new Error('the file is not taken in time');
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** The command line as a process of its own; what it says goes to stderr of this one. */
async function runSuture(words: readonly string[]): Promise<Used> {
  const main = fileURLToPath(new URL('../../apps/cli/src/main.js', import.meta.url));
  const startMs = performance.now();
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 2, 2] });
  let [cpuSeconds, peakBytes] = [0, 0];
  const sampler = setInterval(() => {
    cpuSeconds = Math.max(cpuSeconds, cpuOf(child.pid ?? 0));
    peakBytes = Math.max(peakBytes, peakOf(child.pid ?? 0));
  }, SAMPLE_MS);
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  clearInterval(sampler);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds, peakBytes };
}

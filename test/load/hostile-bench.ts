import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchMessages } from './bench-messages.js';
import { EngineProcess, freePort } from './engine-process.js';
import type { Figure } from './figure.js';
import { type HostileFile, hostileFiles } from './hostile-files.js';
import { HttpSink } from './http-sink.js';
import { type LoadReport, runLoad } from './mllp-load.js';

/** Messages a second of the channel beside, and how many before the first hostile file comes. */
const RATE = 100;
const CALM = 1_500;
const TAKEN_WITHIN_MS = 60_000;
const POLL_MS = 20;

/** What became of a hostile file. */
interface Fate {
  readonly seconds: number;
  readonly text: string;
}

/**
 * Puts hostile files before a channel that takes files while another channel takes messages over MLLP, and measures the
 * latency of the other one before and meanwhile.
 */
export async function hostileBench(say: (text: string) => void): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'suture-hostile-'));
  const channels = join(directory, 'channels');
  for (const folder of ['channels', 'made', 'rows', 'files']) mkdirSync(join(directory, folder));
  // All of them before anything is measured: making them takes seconds of this process, which sends the load too.
  say('making the files ...');
  for (const { name, content } of hostileFiles) writeFileSync(join(directory, 'made', name), content());
  const sink = await HttpSink.open();
  const port = await freePort();
  writeFileSync(join(channels, 'calm.yaml'), calmChannel(port, sink.port));
  writeFileSync(join(channels, 'files.yaml'), filesChannel('files', join(directory, 'files'), 'auto'));
  writeFileSync(join(channels, 'rows.yaml'), filesChannel('rows', join(directory, 'rows'), 'csv'));
  const engine = await EngineProcess.start('engine', {
    SUTURE_DATA_DIR: join(directory, 'data'),
    SUTURE_CHANNELS: channels,
    SUTURE_LOG_LEVEL: 'error',
  });
  try {
    return await measure(engine, port, directory, say);
  } finally {
    await engine.stop();
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(
  engine: EngineProcess,
  port: number,
  directory: string,
  say: (text: string) => void,
): Promise<Figure[]> {
  const { templates } = benchMessages();
  const load = { port, templates, connections: 1, window: 16, rate: RATE };
  await runLoad({ ...load, count: CALM, prefix: 'W' });
  const calm = await runLoad({ ...load, count: CALM, prefix: 'C' });
  const calmBytes = engine.peakResidentBytes;
  const figures: Figure[] = [];
  const over = new AbortController();
  const beside = (async () => {
    const reports: LoadReport[] = [];
    for (let n = 0; !over.signal.aborted; n++)
      reports.push(await runLoad({ ...load, count: RATE, prefix: `H${n}-` }));
    return reports;
  })();
  for (const file of hostileFiles) {
    const { seconds, text } = await taken(file, directory);
    say(`${file.what}: ${text}`);
    figures.push({ name: file.what, value: seconds, unit: 's', note: text });
  }
  over.abort();
  const reports = await beside;
  const worst = (of: (report: LoadReport) => number) => Math.max(...reports.map(of));
  const failed = reports.reduce((sum, one) => sum + one.refused + one.unanswered, 0);
  const p99 = reports.map(({ ackMs }) => ackMs.p99).sort((a, b) => a - b);
  figures.push(
    { name: 'ACK p99 of the other channel, calm', value: calm.ackMs.p99, unit: 'ms', note: `${RATE} msg/s` },
    {
      name: 'ACK p99 of the other channel, meanwhile',
      value: p99[p99.length >> 1] ?? 0,
      unit: 'ms',
      note: `median of ${reports.length} seconds, the worst ${worst(({ ackMs }) => ackMs.p99).toFixed(0)}; ${failed} failed`,
    },
    { name: 'peak memory, calm', value: calmBytes / 1024 ** 2, unit: 'MB' },
    { name: 'peak memory, meanwhile', value: engine.peakResidentBytes / 1024 ** 2, unit: 'MB' },
  );
  return figures;
}

/** Puts the file into the folder as a sender should, and waits for its report. */
async function taken({ name }: HostileFile, directory: string): Promise<Fate> {
  const inbox = join(directory, name.endsWith('.csv') ? 'rows' : 'files');
  renameSync(join(directory, 'made', name), join(inbox, name));
  const startMs = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const seconds = (performance.now() - startMs) / 1000;
    for (const folder of ['archive', 'error']) {
      const report = join(inbox, folder, `${name}.report.json`);
      if (existsSync(join(inbox, folder, name)) && existsSync(report))
        return { seconds, text: fateOf(folder, report) };
    }
    if (seconds * 1000 > TAKEN_WITHIN_MS) return { seconds, text: 'NOT TAKEN IN TIME' };
  }
}

function fateOf(folder: string, path: string): string {
  const { error, units, journaled, refused, refusals } = JSON.parse(readFileSync(path, 'utf8')) as {
    error?: { code: string };
    units: number;
    journaled: number;
    refused: number;
    refusals: { code: string }[];
  };
  const codes = [...new Set(refusals.map(({ code }) => code))].join(', ');
  const counts =
    units === 0
      ? ''
      : `, ${units} units: ${journaled} journaled, ${refused} refused${codes === '' ? '' : ` (${codes})`}`;
  return `${folder}${error === undefined ? '' : ` ${error.code}`}${counts}`;
}

function calmChannel(port: number, sinkPort: number): string {
  return `channel: calm
source: { mllp: { listen: "127.0.0.1:${port}", accept: [ADT^A01, ADT^A04, ADT^A08, ORU^R01, VXU^V04] } }
transform: { mapping: hl7v2 }
routes: [{ to: sink }]
destinations: { sink: { http: { url: "http://127.0.0.1:${sinkPort}/" } } }
`;
}

function filesChannel(name: string, inbox: string, format: string): string {
  return `channel: ${name}
source:
  directory: { path: "${inbox}", poll: 200ms, settle: 200ms, format: ${format}, accept: [ORU^R01, CDA, csv.labs] }
transform: { mapping: hl7v2 }
`;
}

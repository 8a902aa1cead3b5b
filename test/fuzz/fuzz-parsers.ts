import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FuzzLine } from './fuzz-process.js';
import { parserTargets } from './parser-targets.js';

/** A parser that says nothing for so long hangs: it reports every 2,000 inputs. */
const HANGS_AFTER_MS = 60_000;
/** The process may have so much memory beside what V8 needs for itself. */
const HEAP_MB = 512;

export interface FuzzResult {
  readonly parser: string;
  readonly inputs: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly breaches: readonly string[];
}

/** Feeds damaged input to every parser, each in a process of its own. A breach is anything but a result or a refusal. */
export async function fuzzParsers(
  inputs: number,
  seed: number,
  say: (text: string) => void,
): Promise<FuzzResult[]> {
  const parsers = Object.keys(parserTargets);
  const each = Math.ceil(inputs / parsers.length);
  const results: FuzzResult[] = [];
  for (const parser of parsers) {
    const result = await fuzzOne(parser, each, seed);
    say(
      `fuzz: ${parser} ${result.inputs} inputs, ${result.refused} refused, the slowest took ${result.slowestMs.toFixed(0)} ms`,
    );
    results.push(result);
  }
  return results;
}

async function fuzzOne(parser: string, inputs: number, seed: number): Promise<FuzzResult> {
  const script = fileURLToPath(new URL('./fuzz-process.js', import.meta.url));
  const words = [`--max-old-space-size=${HEAP_MB}`, script, parser, String(seed), String(inputs)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<number | null>((done) => child.on('close', done));
  const breaches: string[] = [];
  let last = { done: 0, refused: 0, slowestMs: 0 };
  let watchdog = setTimeout(() => undefined, 0);
  const watch = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      breaches.push(`hangs within 2,000 inputs after ${last.done}`);
      child.kill('SIGKILL');
    }, HANGS_AFTER_MS);
  };
  watch();
  for await (const text of createInterface({ input: child.stdout })) {
    watch();
    const line = JSON.parse(text) as FuzzLine;
    if ('breach' in line)
      breaches.push(`input ${line.index} of seed ${seed}: ${line.breach} (base64 ${line.input})`);
    else last = line;
  }
  const status = await closed;
  clearTimeout(watchdog);
  if (status !== 0 && breaches.length === 0)
    breaches.push(`the process ended with ${String(status)} after ${last.done} inputs`);
  return { parser, inputs: last.done, refused: last.refused, slowestMs: last.slowestMs, breaches };
}

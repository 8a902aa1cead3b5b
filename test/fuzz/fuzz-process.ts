import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEngineError } from '#kernel';
import { randomFromSeed } from '../faults/random-from-seed.js';
import { repositoryRoot } from '../load/bench-messages.js';
import { type Material, mutated } from './mutate-bytes.js';
import { type ParserTarget, parserTargets } from './parser-targets.js';

/** Of a fixture, so much. */
const SAMPLE_BYTES = 4_000;
const REPORT_EVERY = 2_000;
const BREACHES = 20;
/** So much of an input is shown. */
const SHOWN_BYTES = 600;

/** What the process says, a line each. */
export type FuzzLine =
  | { readonly done: number; readonly refused: number; readonly slowestMs: number }
  | { readonly breach: string; readonly index: number; readonly input: string };

/** A process of its own that feeds a parser: `node fuzz-process.js <parser> <seed> <inputs>`. */
const [, , name = '', seedText = '', inputsText = ''] = process.argv;
const target = parserTargets[name as keyof typeof parserTargets];
const seed = Number(seedText);
const material: Material = {
  samples: samplesOf(target),
  signs: target.signs.map((sign) => Buffer.from(sign, /[\x80-\xff]/.test(sign) ? 'latin1' : 'utf8')),
  seam: target.seam.charCodeAt(0),
  parts: target.parts.map((part) => Buffer.from(part)),
};
let refused = 0;
let slowestMs = 0;
let breaches = 0;
for (let index = 0; index < Number(inputsText); index++) {
  if (index % REPORT_EVERY === 0) say({ done: index, refused, slowestMs });
  // Each input from its own number, so that one can be made again without those before it.
  const random = randomFromSeed(seed * 7_919 + index);
  const input = mutated(material, random);
  const before = performance.now();
  try {
    target.read(input, random);
  } catch (error) {
    if (isEngineError(error) && error.kind !== 'bug') refused++;
    else if (++breaches <= BREACHES)
      say({ breach: String(error), index, input: input.toString('base64', 0, SHOWN_BYTES) });
  }
  slowestMs = Math.max(slowestMs, performance.now() - before);
}
say({ done: Number(inputsText), refused, slowestMs });

function say(line: FuzzLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function samplesOf({ fixtures, samples: own }: ParserTarget): Buffer[] {
  const folder = join(repositoryRoot, 'test/fixtures');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => fixtures.test(file))
    .sort();
  return [
    ...own.map((text) => Buffer.from(text)),
    ...files.map((file) => readFileSync(join(folder, file)).subarray(0, SAMPLE_BYTES)),
  ];
}

import { join } from 'node:path';
import { writeJson } from '#fhir';
import { parseMessage } from '#hl7v2';
import { stableId } from '#kernel';
import { loadMappings } from '#mapping';
import { repositoryRoot } from './bench-messages.js';
import { documentFigures } from './document-bench.js';
import type { Figure } from './figure.js';
import { mapOruByHand } from './hand-written-oru.js';
import { laboratoryMessages } from './laboratory.js';

const MESSAGES = 6_000;
/** Of a hospital with some hundred beds: a patient comes again after as many messages. */
const PATIENTS = 300;
const SEED = 20_261;
/** Every way is measured so often, in turn; the median counts. */
const ROUNDS = 5;
const WARM_UP = 3_000;
/** The resources of so many messages are written again and again by JSON.stringify, and of ready pieces. */
const WRITTEN = 200;
/** What is another in every message: ids, numbers, dates, and the texts that come from its fields. */
const VALUES =
  /((?<="id":"|\/)[0-9a-f]{32}|(?<="value":)[^,}]+|\d{4}-\d\d-\d\d(?:T[\d:]+Z)?|(?<="(?:code|display|text|family|name|city|state|line|postalCode|country|unit)":")[^"]*)/;

type OruMap = NonNullable<ReturnType<ReturnType<typeof loadMappings>['forMessage']>>;
type Mapped = ReturnType<OruMap['run']>['resources'][number];
type Way = (raw: Buffer, n: number) => number;

/** `npm run bench -- mapping`: the mapping language against a mapper of the same messages written by hand, in one run. */
export function mappingBench(scale: number, say: (text: string) => void): Figure[] {
  const map = loadMappings(join(repositoryRoot, 'mappings')).forMessage('ORU', 'R01');
  if (map === undefined) throw new Error('there is no valid mapping for ORU^R01: npm run suture -- validate');
  const count = Math.max(200, Math.round(MESSAGES * scale));
  const messages = laboratoryMessages({ count, patients: PATIENTS, seed: SEED });
  const bytes = messages.reduce((sum, { length }) => sum + length, 0) / count;
  say(`${count} results of a laboratory, ${Math.round(bytes)} bytes each, ${PATIENTS} patients`);
  const rates = measure(waysOf(map, messages), messages, say);
  say('long messages ...');
  const figures = [...speedFigures(rates), ...growthFigures(map, scale)];
  say('documents ...');
  return [...figures, ...documentFigures(scale)];
}

function waysOf(map: OruMap, messages: readonly Buffer[]): Record<string, Way> {
  let unseen = 0;
  const json = (resources: readonly Mapped[]) => Buffer.from(resources.map(textOf).join('\n')).length;
  // Of the mapper by hand: objects of the mapping that live on would change how V8 allocates all others (a third more CPU, measured).
  const written = messages.slice(0, WRITTEN).map((raw) => mapOruByHand(raw, 'bench').toString());
  const made = written.map((text) => text.split('\n').map((line) => JSON.parse(line) as { id: string }));
  const pieces = written.map((text) => text.split(VALUES).map((piece) => Buffer.from(piece).toString()));
  return {
    stringified: (_, n) =>
      Buffer.from((made[n % made.length] ?? []).map((resource) => JSON.stringify(resource)).join('\n'))
        .length,
    least: (raw, n) => {
      let named = parseMessage(raw).segments.length;
      for (const { id } of made[n % made.length] ?? [])
        named += stableId('bench', 'Observation', [id]).length;
      let text = '';
      for (const piece of pieces[n % pieces.length] ?? []) text += piece;
      return Buffer.from(text).length + named;
    },
    byHand: (raw) => mapOruByHand(raw, 'bench').length,
    parsed: (raw) => parseMessage(raw).segments.length,
    byFiles: (raw) => json(map.run(parseMessage(raw), { tenant: 'bench' }).resources),
    // What a tenant sends is never taken for what another one sent.
    unseen: (raw) => json(map.run(parseMessage(raw), { tenant: `bench-${unseen++}` }).resources),
    account: (raw) => json(map.run(parseMessage(raw), { tenant: 'bench', account: 'counts' }).resources),
    lineage: (raw) => {
      const message = parseMessage(raw);
      let values = json(map.run(message, { tenant: 'bench' }).resources);
      for (const { sources } of map.lineage(message, { tenant: 'bench' })) values += sources.length;
      return values;
    },
  };
}

const kept = new WeakMap<object, string>();

/** The JSON of a resource; of one that is remembered it is written once, as in the store (rendering.ts). */
function textOf({ resource, remembered }: Mapped): string {
  if (remembered !== true) return writeJson(resource);
  let text = kept.get(resource);
  if (text === undefined) {
    // Of one piece: what was put together of many would keep them all.
    text = Buffer.from(writeJson(resource)).toString();
    kept.set(resource, text);
  }
  return text;
}

/** Messages a second of CPU, of each way. */
function measure(
  ways: Record<string, Way>,
  messages: readonly Buffer[],
  say: (text: string) => void,
): Record<string, number> {
  const found: Record<string, number[]> = {};
  for (const way of Object.values(ways)) messages.slice(0, WARM_UP).forEach(way);
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round} of ${ROUNDS} ...`);
    for (const [name, way] of Object.entries(ways)) {
      const seconds = cpuSeconds(() => {
        let made = 0;
        for (const [n, raw] of messages.entries()) made += way(raw, n);
        if (made === 0) throw new Error('the mapping made nothing');
      });
      (found[name] ??= []).push(messages.length / seconds);
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, rates]) => [name, median(rates)]));
}

function speedFigures(rates: Record<string, number>): Figure[] {
  const rate = (name: string) => rates[name] ?? Number.NaN;
  const share = (name: string, of: string) => (rate(name) / rate(of)).toFixed(2);
  const dearer = (name: string, than: string) =>
    `${Math.round((rate(than) / rate(name) - 1) * 100)} % dearer`;
  // An account works without the memory of resources, as what was never seen before does.
  const cost = (name: string) =>
    `${dearer(name, 'byFiles')} than without, ${dearer(name, 'unseen')} than what was not seen before`;
  const unit = 'msg/s';
  return [
    {
      name: 'baseline: mapped by hand',
      value: rate('byHand'),
      unit,
      note: 'of one core, bytes to JSON bytes',
    },
    { name: 'baseline: parsed, and nothing else', value: rate('parsed'), unit },
    {
      name: 'baseline: JSON.stringify of the resources, and nothing else',
      value: rate('stringified'),
      unit,
      note: 'to be compared with the goal of 15,000 for all',
    },
    {
      name: 'baseline: the least of all: parsed, ids made, ready pieces of JSON joined; no value is mapped',
      value: rate('least'),
      unit,
      note: 'what is left of 67 us, which is 15,000 a second, would have to map some 270 values',
    },
    {
      name: 'mapped by the mapping files',
      value: rate('byFiles'),
      unit,
      note: `${share('byFiles', 'byHand')} of by hand (goal 0.65); patients come again (goal 15,000)`,
    },
    {
      name: '  nothing seen before',
      value: rate('unseen'),
      unit,
      note: `${share('unseen', 'byHand')} of by hand`,
    },
    { name: '  with the account', value: rate('account'), unit, note: cost('account') },
    {
      name: '  with lineage, every value told',
      value: rate('lineage'),
      unit,
      note: `${cost('lineage')} (goal at most 20 %); not asked for, it costs nothing`,
    },
  ];
}

/** Time in proportion: four times the values may take four times the time, and not more. */
function growthFigures(map: OruMap, scale: number): Figure[] {
  const repetitions = Math.round(200_000 * scale);
  const segments = Math.round(100_000 * scale);
  return [
    growth(map, `${repetitions} repetitions of PID-3`, repetitions, withRepetitions),
    growth(map, `${segments} OBX segments`, segments, withSegments),
  ];
}

function growth(map: OruMap, name: string, count: number, make: (count: number) => Buffer): Figure {
  const perValue = (size: number) => {
    const raw = make(size);
    return (
      cpuSeconds(() => map.run(parseMessage(raw), { tenant: `growth-${size}`, account: 'counts' })) / size
    );
  };
  perValue(Math.round(count / 4));
  const [quarter, whole] = [perValue(Math.round(count / 4)), perValue(count)];
  return {
    name,
    value: whole * count * 1000,
    unit: 'ms',
    note: `${(whole / quarter).toFixed(2)} times the time for each of a quarter as many`,
  };
}

const head = 'MSH|^~\\&|LABSYS|GENLAB|ENGINE|HUB|20250311150102||ORU^R01^ORU_R01|BIG|P|2.5.1\r';

function withRepetitions(count: number): Buffer {
  const identifiers = Array.from({ length: count }, (_, n) => `MR${n}^^^GENHOSP^MR`).join('~');
  return Buffer.from(`${head}PID|1||${identifiers}||Larkin^Thomas\r`);
}

function withSegments(count: number): Buffer {
  const results = Array.from(
    { length: count },
    (_, n) => `OBX|${n + 1}|NM|2345-7^Glucose^LN||${n % 300}|mg/dL|70-99||||F`,
  );
  return Buffer.from(
    `${head}PID|1||MR1^^^GENHOSP^MR||Larkin^Thomas\rOBR|1|P1|F1|24323-8^Panel^LN\r${results.join('\r')}\r`,
  );
}

function cpuSeconds(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

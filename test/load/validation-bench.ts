import { join } from 'node:path';
import { checkResource, readJson, writeJson } from '#fhir';
import { fromXml, toXml } from '#fhirxml';
import { parseMessage } from '#hl7v2';
import { loadMappings } from '#mapping';
import { r4RuleOf } from '#validation';
import { repositoryRoot } from './bench-messages.js';
import type { Figure } from './figure.js';
import { laboratoryMessages } from './laboratory.js';

const MESSAGES = 300;
const ROUNDS = 5;
const BATCH = 500;

/** `npm run bench -- validation`: CPU time of validation and of XML for the resources of a laboratory, beside JSON.parse. */
export function validationBench(): Figure[] {
  const map = loadMappings(join(repositoryRoot, 'mappings')).forMessage('ORU', 'R01');
  if (map === undefined) throw new Error('there is no valid mapping for ORU^R01: npm run suture -- validate');
  const messages = laboratoryMessages({ count: MESSAGES, patients: MESSAGES, seed: 1 });
  const texts = messages.flatMap((raw) =>
    map.run(parseMessage(raw), { tenant: 'bench' }).resources.map(({ resource }) => writeJson(resource)),
  );
  const trees = texts.map((text) => readJson(text) as Parameters<typeof toXml>[0]);
  const xml = trees.map(toXml);
  const ways: Readonly<Record<string, (index: number) => unknown>> = {
    'baseline: JSON.parse': (index) => JSON.parse(texts[index] ?? ''),
    'readJson, digits kept': (index) => readJson(texts[index] ?? ''),
    'validation, all of R4': (index) => checkResource(trees[index], r4RuleOf),
    'to XML': (index) => toXml(trees[index] ?? {}),
    'from XML': (index) => fromXml(xml[index] ?? ''),
  };
  const bytes = Math.round(texts.reduce((sum, text) => sum + text.length, 0) / texts.length);
  return Object.entries(ways).map(([name, way]) => {
    const { middle, slow } = timesOf(way, texts.length);
    const note = `CPU; ${texts.length} resources of ${bytes} bytes; slowest batch of ${BATCH}: ${slow.toFixed(1)} µs each`;
    return { name, value: Number(middle.toFixed(2)), unit: 'µs/resource', note };
  });
}

/** CPU time, for others use the machine too: of one resource, in batches, after a first round that does not count. */
function timesOf(way: (index: number) => unknown, count: number): { middle: number; slow: number } {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    for (let start = 0; start < count; start += BATCH) {
      const end = Math.min(count, start + BATCH);
      const before = process.cpuUsage();
      for (let index = start; index < end; index++) way(index);
      const { user, system } = process.cpuUsage(before);
      if (round > 0) times.push((user + system) / (end - start));
    }
  }
  times.sort((a, b) => a - b);
  return { middle: times[times.length >> 1] ?? 0, slow: times.at(-1) ?? 0 };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from '#cda';
import { writeJson } from '#fhir';
import type { MappingSet } from '#mapping';

/** Documents of about the size that the goal names. */
const LEAST_BYTES = 50_000;
const MOST_BYTES = 250_000;
const ROUNDS = 7;

/** Milliseconds of CPU for 100 kB of a document, the median of some rounds; `parsing` is the parser alone. */
export interface DocumentCost {
  readonly documents: number;
  readonly converting: number;
  readonly parsing: number;
}

/** Maps documents of a usual size again and again, as the engine does: from their bytes to JSON as bytes; beside parsing alone. */
export function documentCost(corpus: string, files: readonly string[], set: MappingSet): DocumentCost {
  const documents = files
    .map((file) => readFileSync(join(corpus, file)))
    .filter(({ length }) => length >= LEAST_BYTES && length <= MOST_BYTES)
    .filter((bytes) => mapped(bytes, set) > 0);
  const bytes = documents.reduce((sum, { length }) => sum + length, 0);
  const converting: number[] = [];
  const parsing: number[] = [];
  const per100kB = (work: (document: Buffer) => unknown) => {
    const before = process.cpuUsage();
    for (const document of documents) work(document);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 / (bytes / 100_000);
  };
  for (let round = 0; round < ROUNDS; round++) {
    converting.push(per100kB((document) => mapped(document, set)));
    parsing.push(per100kB(parseDocument));
  }
  return { documents: documents.length, converting: median(converting), parsing: median(parsing) };
}

/** How many bytes of JSON a document becomes. */
function mapped(document: Buffer, set: MappingSet): number {
  const { source, map } = set.read(document);
  const resources = map?.run(source, { tenant: 'cost' }).resources ?? [];
  return Buffer.from(resources.map(({ resource }) => writeJson(resource)).join('\n')).length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConvertedCorpusFile } from '../corpus-files.js';

/** What a reader must find in a hard file. */
interface Fact {
  readonly rows?: number;
  readonly bad?: number;
  readonly header?: boolean;
  readonly decimalComma?: boolean;
  readonly duplicateHeader?: string;
  readonly nullTokens?: readonly string[];
  readonly observations?: number;
  readonly dateFormat?: string;
  readonly date?: string;
  readonly duplicateRow?: boolean;
}

interface Resource {
  readonly resourceType: string;
  readonly effectiveDateTime?: string;
}

/** How many hard files there are, and what is wrong with them: `file: what`. */
export function wrongHardFiles(
  corpus: string,
  files: readonly ConvertedCorpusFile[],
): { checked: number; wrong: string[] } {
  const facts = JSON.parse(readFileSync(join(corpus, '../ugly-facts.json'), 'utf8')) as Record<string, Fact>;
  const byName = new Map(files.map((one) => [`csv/${one.file}`, one]));
  const ours = Object.entries(facts).filter(([file]) => file.startsWith('csv/'));
  const wrong = ours.flatMap(([file, fact]) => {
    const one = byName.get(file);
    const faults = one ? faultsOf(fact, one) : ['it was not read'];
    return faults.map((fault) => `${file}: ${fault}`);
  });
  return { checked: ours.length, wrong };
}

type Found = string | number | boolean | undefined;

function faultsOf(fact: Fact, { converted }: ConvertedCorpusFile): string[] {
  const { bundle, messages, rows } = converted;
  const faults: string[] = [];
  const expect = (what: string, found: Found, wanted: Found): void => {
    if (wanted !== undefined && found !== wanted)
      faults.push(`${what} is ${String(found)}, not ${String(wanted)}`);
  };
  const resources = resourcesOf(bundle);
  const results = resources.filter(({ resourceType }) => resourceType === 'Observation');
  const moments = results.map(({ effectiveDateTime = '' }) => effectiveDateTime);
  if (bundle === undefined) faults.push('there is no bundle');
  const unmapped = messages.flatMap(({ report }) => report?.unmapped ?? []);
  if (unmapped.length > 0) faults.push(`unmapped: ${unmapped.join(', ')}`);
  const errors = messages.flatMap(({ report }) => report?.errors ?? []);
  if (errors.length > 0) faults.push(`errors: ${errors.map(({ code }) => code).join(', ')}`);
  expect('the number of rows', rows?.rows, fact.rows);
  expect('the number of bad rows', rows?.badRows, fact.bad ?? 0);
  expect('the header', rows?.findings?.header, fact.header ?? true);
  expect('the decimal sign', rows?.findings?.decimal, fact.decimalComma === true ? ',' : undefined);
  expect('the number of observations', results.length, fact.observations);
  const dispenses = resources.filter(({ resourceType }) => resourceType === 'MedicationDispense').length;
  expect('the number of dispenses', dispenses, fact.duplicateRow === true ? (fact.rows ?? 0) - 1 : undefined);
  for (const token of fact.nullTokens ?? [])
    if (bundle?.includes(JSON.stringify(token)) === true) faults.push(`${token} is taken for a value`);
  if (fact.dateFormat !== undefined && !moments.every((moment) => moment.startsWith('2024-03-05')))
    faults.push(`moments are ${moments.join(', ')}`);
  if (fact.date !== undefined && !moments.some((moment) => moment.startsWith(fact.date ?? '')))
    faults.push(`moments are ${moments.join(', ')}, not ${fact.date}`);
  return faults;
}

function resourcesOf(bundle: string | undefined): Resource[] {
  if (bundle === undefined) return [];
  const { entry = [] } = JSON.parse(bundle) as { entry?: { resource: Resource }[] };
  return entry.map(({ resource }) => resource);
}

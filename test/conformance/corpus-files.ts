import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConvertedFile, convertFile, loadMappings, type MappingSet } from '#mapping';
import { repositoryRoot } from '../load/bench-messages.js';

/** One folder of the corpus, and which of its files are input. */
const PARTS = {
  hl7v2: /\.(hl7|ndhl7|txt|out)$/,
  ccda: /\.(xml|ccda)$/,
  csv: /\.(csv|tsv)$/,
} as const;

export type CorpusPart = keyof typeof PARTS;

/** One file of the corpus and what became of it. */
export interface ConvertedCorpusFile {
  /** From the folder of the part. */
  readonly file: string;
  readonly converted: ConvertedFile;
}

/** The scorer beside the repository, and the folder of a part of the corpus; undefined when they are not there. */
export function corpusOf(part: CorpusPart): { corpus: string; scorer: string } | undefined {
  const corpus = join(repositoryRoot, '../shared/corpus', part);
  const scorer = join(repositoryRoot, '../shared/bench/score-fhir.mjs');
  return existsSync(corpus) && existsSync(scorer) ? { corpus, scorer } : undefined;
}

/** The mappings as they ship, with the layer that the corpus is from. */
export function shippedMappings(): MappingSet {
  return loadMappings(join(repositoryRoot, 'mappings'), { layers: ['us'] });
}

/** The files of a part below its folder, in order of their names. */
export function corpusFiles(part: CorpusPart, corpus: string): string[] {
  return readdirSync(corpus, { recursive: true, encoding: 'utf8' })
    .filter((file) => PARTS[part].test(file))
    .sort();
}

/** Converts one file as `suture convert` does. */
export function convertCorpusFile(corpus: string, file: string, set: MappingSet): ConvertedCorpusFile {
  const bytes = readFileSync(join(corpus, file));
  const options = { tenant: 'conformance', parameters: {} };
  const format = PARTS.csv.test(file) ? 'rows' : 'hl7v2';
  return { file, converted: convertFile(bytes, set, { ...options, format }) };
}

/** A part of the corpus, all of it converted. */
export interface ConvertedCorpus {
  readonly corpus: string;
  readonly scorer: string;
  readonly set: MappingSet;
  /** In order of their names. */
  readonly names: readonly string[];
  readonly files: readonly ConvertedCorpusFile[];
}

/** Converts a part of the corpus with the mappings as they ship; undefined where it is not. */
export function convertedCorpus(part: CorpusPart): ConvertedCorpus | undefined {
  const found = corpusOf(part);
  if (!found) return undefined;
  const set = shippedMappings();
  const names = corpusFiles(part, found.corpus);
  process.stderr.write(`converting ${names.length} files ...\n`);
  const files = names.map((name) => convertCorpusFile(found.corpus, name, set));
  return { ...found, set, names, files };
}

/** SHA-256 over file names, bundles and reports: equal when every byte is. */
export function digestOf(files: readonly ConvertedCorpusFile[]): string {
  const hash = createHash('sha256');
  for (const { file, converted } of files.toSorted((a, b) => (a.file < b.file ? -1 : 1)))
    hash.update(`${file}\n${converted.bundle ?? ''}\n${JSON.stringify(converted.messages)}\n`);
  return hash.digest('hex');
}

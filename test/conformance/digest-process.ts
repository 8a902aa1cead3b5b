import {
  type CorpusPart,
  convertCorpusFile,
  corpusFiles,
  corpusOf,
  digestOf,
  shippedMappings,
} from './corpus-files.js';

/** A process of its own that converts a part of the corpus and prints the digest of all it made. */
const part = process.argv[2] as CorpusPart;
const { corpus = '' } = corpusOf(part) ?? {};
const set = shippedMappings();
const files = corpusFiles(part, corpus).map((file) => convertCorpusFile(corpus, file, set));
process.stdout.write(`${digestOf(files)}\n`);

import { join } from 'node:path';
import { loadMappings } from '#mapping';
import { repositoryRoot } from '../../load/bench-messages.js';
import { convertCorpusFile, digestOf, messageFiles } from './corpus-conversion.js';

/** A process of its own that converts the corpus and prints the digest of all it made. */
const [, , corpus = ''] = process.argv;
const set = loadMappings(join(repositoryRoot, 'mappings'), { layers: ['us'] });
process.stdout.write(
  `${digestOf(messageFiles(corpus).map((name) => convertCorpusFile(corpus, name, set)))}\n`,
);

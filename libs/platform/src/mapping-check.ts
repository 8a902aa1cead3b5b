import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadMappings, type MappingProblem, type MappingSet } from '#mapping';
import { engineVersion } from './engine-version.js';

/** Names the mappings that were all good when this engine last looked. */
const checkedName = 'mappings-checked';

/**
 * The mappings, and what is wrong with them. Looking means to compile every map, which takes half a second and memory for maps
 * that no message may ever want; so it is done with a set that is thrown away, and not again until a file or the engine changed.
 */
export function checkedMappings(
  mappingsDirectory: string,
  dataDirectory: string,
): { readonly mappings: MappingSet; readonly problems: readonly MappingProblem[] } {
  const mappings = loadMappings(mappingsDirectory);
  const path = join(dataDirectory, checkedName);
  const state = `${engineVersion} ${mappings.digest}\n`;
  if (textOf(path) === state) return { mappings, problems: [] };
  const problems = loadMappings(mappingsDirectory).errors;
  if (problems.length === 0) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, state);
  }
  return { mappings, problems };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the first start
  }
}

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MappingLibrary, type MappingProblem, uniqueProblems } from '#mapping';
import { engineVersion } from './engine-version.js';

/** Names the mappings that were all good when this engine last looked. */
const checkedName = 'mappings-checked';

type Layers = readonly string[];

/**
 * The mappings, and what is wrong with them under the layers that channels choose. Looking means to compile every map, which
 * takes half a second and memory for maps that no message may ever want; so it is done with a set that is thrown away, and not
 * again until a file, a choice of layers or the engine changed.
 */
export function checkedMappings(
  mappingsDirectory: string,
  dataDirectory: string,
  chosen: readonly Layers[] = [],
): { readonly mappings: MappingLibrary; readonly problems: readonly MappingProblem[] } {
  const mappings = new MappingLibrary(mappingsDirectory);
  // A layer that is not there is told with the channel that asks for it.
  const known = chosen.filter((layers) => layers.every((layer) => mappings.layers.includes(layer)));
  const choices = known.length > 0 ? known : [[]];
  const path = join(dataDirectory, checkedName);
  const state = `${engineVersion} ${digestOf(mappings, choices)}\n`;
  if (textOf(path) === state) return { mappings, problems: [] };
  const looking = new MappingLibrary(mappingsDirectory);
  const problems = uniqueProblems(choices.flatMap((layers) => looking.set(layers).errors));
  if (problems.length === 0) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, state);
  }
  return { mappings, problems };
}

function digestOf(mappings: MappingLibrary, choices: readonly Layers[]): string {
  const hash = createHash('sha256');
  for (const layers of choices) hash.update(`${layers.join(' ')}\n${mappings.set(layers).digest}\n`);
  return hash.digest('hex');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the first start
  }
}

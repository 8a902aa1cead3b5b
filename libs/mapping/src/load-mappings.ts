import { EngineError } from '#kernel';
import type { MappingSet } from './mapping-set.js';

/**
 * Reads and compiles every mapping under `dir` (`mappings/`). Never throws for a mistake in a file: the set holds
 * what is good and the list of errors.
 */
export function loadMappings(dir: string): MappingSet {
  throw new EngineError('bug', 'MAPPING_NOT_BUILT', `the mapping compiler is being written (${dir})`);
}

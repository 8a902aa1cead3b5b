import type { MapSource } from './language/mapping-file.js';
import type { MappingProblem } from './mapping-problem.js';
import type { CodeTable } from './tables/code-table.js';
import { builtInTables } from './types/vocabulary.js';

/** One choice of layers, and what its message maps needed. All were compiled, and none has a mistake. */
export interface CompiledParts {
  readonly maps: readonly MapSource[];
  readonly tables: readonly CodeTable[];
  /** Files of maps and tables. */
  readonly usedFiles: ReadonlySet<string>;
  /** Names of resource maps. */
  readonly usedMaps: ReadonlySet<string>;
}

/** Maps and tables that no message map needs under any of these choices of layers: nothing in them is checked or counts. */
export function unusedParts(choices: readonly CompiledParts[]): MappingProblem[] {
  const maps = new Map<string, MappingProblem>();
  const tables = new Map<string, MappingProblem>();
  for (const choice of choices) {
    for (const map of choice.maps) {
      const { line, column } = map.place;
      if (map.kind === 'resource')
        maps.set(`${map.file} ${map.name}`, {
          file: map.file,
          line,
          column,
          code: 'MAPPING_UNUSED_MAP',
          message: `no message map makes use of ${map.name}`,
          remedy: 'name it in a step, or with `as` in a rule; or remove it',
        });
    }
    for (const { name, file } of choice.tables)
      if (!(builtInTables as readonly string[]).includes(name))
        tables.set(file, {
          file,
          line: 1,
          column: 1,
          code: 'TABLE_UNUSED',
          message: `no rule asks the code table ${name}`,
          remedy: `write | table(${name}) in a rule; or remove the file`,
        });
  }
  for (const choice of choices) {
    for (const map of choice.maps) if (choice.usedMaps.has(map.name)) maps.delete(`${map.file} ${map.name}`);
    for (const file of choice.usedFiles) tables.delete(file);
  }
  return [...maps.values(), ...tables.values()];
}

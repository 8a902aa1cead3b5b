import { type CsvPart, CsvReader } from '#csv';
import { isEngineError } from '#kernel';
import type { MappingSet } from '../mapping-set.js';

/** Of the layouts the name of the one that a file that begins so has; undefined when it has none. */
export function layoutOfRows(start: Buffer, { layouts }: Pick<MappingSet, 'layouts'>): string | undefined {
  const reader = new CsvReader({ layouts });
  try {
    reader.push(start);
    reader.end();
    return reader.findings?.layout;
  } catch (error) {
    if (isEngineError(error, 'rejected')) return undefined;
    throw error;
  }
}

/**
 * The units of a file of rows that is in memory, by the layout that its columns choose. Throws `rejected` when no layout is for
 * it, or when it cannot be read as rows.
 */
export function rowUnits(bytes: Buffer, { layouts }: Pick<MappingSet, 'layouts'>): CsvPart[] {
  const reader = new CsvReader({ layouts });
  return [...reader.push(bytes), ...reader.end()];
}

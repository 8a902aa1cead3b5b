import { type CsvPart, CsvReader } from '#csv';
import type { MappingSet } from '../mapping-set.js';

/**
 * The units of a file of rows that is in memory, by the layout that its columns choose. Throws `rejected` when no layout is for
 * it, or when it cannot be read as rows.
 */
export function rowUnits(bytes: Buffer, { layouts }: Pick<MappingSet, 'layouts'>): CsvPart[] {
  const reader = new CsvReader({ layouts });
  return [...reader.push(bytes), ...reader.end()];
}

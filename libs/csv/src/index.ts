export { type CsvPart, CsvReader } from './csv-reader.js';
export {
  type ColumnType,
  type CsvColumn,
  type CsvOverrides,
  type CsvSource,
  columnTypes,
  plainSource,
} from './csv-source.js';
export { type CsvUnit, type CsvUnitHead, layoutOfUnit, readUnit, readUnitHead } from './csv-unit.js';
export { type DraftColumn, draftLayout, type LayoutDraft } from './draft-layout.js';
export { isEncoding } from './encoding.js';
export { momentReader } from './moment.js';
export type { CsvFindings } from './settle-file.js';
export { unitCells } from './unit-cells.js';

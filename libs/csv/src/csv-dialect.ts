import type { DateOrder } from './moment.js';
import type { RowSigns } from './row-cutter.js';

/** How one file is to be read: what its layout leaves to `auto` is settled. */
export interface CsvDialect extends RowSigns {
  /** Label of the WHATWG encoding standard. */
  readonly encoding: string;
  readonly header: boolean;
  readonly decimal: '.' | ',';
  /** Undefined: a date of which day and month could be either is no date. */
  readonly dateOrder: DateOrder | undefined;
}

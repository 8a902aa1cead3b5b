import type { Run } from '../run/run.js';
import type { CodeTable } from '../tables/code-table.js';
import type { Convert } from '../types/convert.js';
import type { PathReader } from './path-reader.js';

/** Makes one FHIR value; undefined when there is nothing. */
export type ReadValue = (run: Run) => unknown;
/** Appends FHIR values to a list, which it makes when there is a first one. */
export type CollectValues = (run: Run, list: unknown[] | undefined) => unknown[] | undefined;

/** What an expression must give. */
export interface Target {
  /** R4 type. */
  readonly type: string;
  /** Resource types a Reference may point to; empty: any. */
  readonly targets: readonly string[];
  /** Codes of a required binding; undefined when there is none. */
  readonly codes: ReadonlySet<string> | undefined;
  /** The same by their systems. */
  readonly systems?: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  readonly simpleQuantity: boolean;
  /** Of the element, for messages. */
  readonly path: string;
}

/** What functions add to a conversion. */
export interface Modifiers {
  readonly table?: CodeTable;
  readonly use?: string;
  readonly identifierType?: string;
  /** Turns a Quantity, Range or Ratio into one with a unit. */
  readonly finish?: (run: Run, value: unknown) => unknown;
  /** A code system for codes that name none. */
  readonly system?: string;
}

export interface CompiledValue {
  readonly read: ReadValue;
  readonly collect: CollectValues;
  /** What it reads, when that is one path. */
  readonly source?: PathReader;
}

export function single(read: ReadValue): CompiledValue {
  return {
    read,
    collect: (run, list) => {
      const begin = run.lineage?.length ?? 0;
      const value = read(run);
      if (value === undefined) return list;
      run.lineage?.made(value, begin);
      if (!list) return [value];
      list.push(value);
      return list;
    },
  };
}

export function reading(reader: PathReader, convert: Convert): CompiledValue {
  const read = reader.reading?.(convert);
  return {
    source: reader,
    read:
      read ??
      ((run) => {
        const start = reader.first(run);
        return start < 0 ? undefined : convert(run, start, run.end);
      }),
    collect: (run, list) => reader.collect(run, convert, list),
  };
}

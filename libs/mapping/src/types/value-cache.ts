import { type FhirObject, type FhirValue, writtenOnce } from '#fhir';
import type { Run } from '../run/run.js';
import { type CodeTable, rowUsed, type TableRow, watchRows } from '../tables/code-table.js';
import type { Convert } from './convert.js';

interface Entry {
  readonly value: unknown;
  /** Places of the marks, from the start of the value, and what marks them beside the rule. */
  readonly places: readonly number[];
  readonly flags: readonly number[];
  /** Rows of code tables that it took. */
  readonly rows: readonly (readonly [CodeTable, TableRow, string])[];
}

/** Values of at most this length are remembered. */
const lengthMax = 120;
/** Over all caches of the process; at some 900 bytes each, the JSON of the value included. */
const entriesMax = 20_000;
const probation = 0x7fff;
let entries = 0;

/**
 * Remembers what equal texts become: laboratories send the same few hundred codes and units all day. The value is
 * shared between resources and messages, so it must never be changed in place; it holds no slice of a message, which
 * would keep all of it.
 */
export function remembered(convert: Convert): Convert {
  let cache = new Map<string, Entry>();
  return (run, start, end) => {
    if (run.escaped || end - start > lengthMax) return convert(run, start, end);
    const text = run.text.slice(start, end);
    const known = cache.get(text);
    if (known) {
      mark(run, start, known);
      return known.value;
    }
    const entry = read(run, start, end, convert);
    if (entries >= entriesMax) {
      entries -= cache.size;
      cache = new Map();
      if (entries >= entriesMax) return entry.value;
    }
    entries++;
    cache.set(Buffer.from(text).toString(), entry);
    return entry.value;
  };
}

function mark(run: Run, start: number, { places, flags, rows }: Entry): void {
  const { rule } = run;
  if (rule === 0 || !run.accounting) return;
  for (let i = 0; i < places.length; i++)
    run.mark(start + (places[i] as number), rule | (flags[i] as number));
  for (const [table, row, code] of rows) rowUsed(table, row, code);
}

/** Converts, and notes which leaves the conversion read. */
function read(run: Run, start: number, end: number, convert: Convert): Entry {
  const { rule, marks } = run;
  const before = marks.slice(start, end);
  marks.fill(0, start, end);
  run.rule = probation;
  const rows: (readonly [CodeTable, TableRow, string])[] = [];
  const watcher = watchRows((table, row, code) => rows.push([table, row, code]));
  const { lineage, accounting } = run;
  run.lineage = undefined;
  run.accounting = true;
  const value = convert(run, start, end);
  run.lineage = lineage;
  run.accounting = accounting;
  watchRows(watcher);
  run.rule = rule;
  const places: number[] = [];
  const flags: number[] = [];
  for (let i = start; i < end; i++) {
    const found = marks[i] ?? 0;
    if (found === 0) continue;
    places.push(i - start);
    flags.push(found & ~probation);
  }
  marks.set(before, start);
  const entry = { value: kept(value), places, flags, rows };
  mark(run, start, entry);
  return entry;
}

/** A copy that holds no slice of a message, and is written once. */
function kept(value: unknown): unknown {
  if (value === undefined) return undefined;
  const copy = JSON.parse(JSON.stringify(value)) as FhirValue;
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy)
    ? writtenOnce(copy as FhirObject)
    : copy;
}

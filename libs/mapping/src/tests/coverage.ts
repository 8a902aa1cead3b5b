import { isEngineError } from '#kernel';
import type { MapSource } from '../language/mapping-file.js';
import { MappingLibrary } from '../load-mappings.js';
import { type MappingProblem, uniqueProblems } from '../mapping-problem.js';
import type { MappingParameters } from '../mapping-result.js';
import type { MappingSet } from '../mapping-set.js';
import { type CodeTable, watchRows } from '../tables/code-table.js';
import { type SwitchedRule, Switches } from './switches.js';

/** A row of a code table that no message took. */
export interface UnusedRow {
  readonly table: string;
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

/** How many there are, and those that had a part in no message. */
interface Unused<T> {
  readonly of: number;
  readonly unused: readonly T[];
}

/** What of the mappings a heap of messages never needed. */
export interface Coverage {
  /** Messages that were mapped. */
  readonly messages: number;
  /** How many no map is for, by type. */
  readonly unclaimed: Readonly<Record<string, number>>;
  /** How many could not be read. */
  readonly refused: number;
  /** Rules, parts of lists, and steps. */
  readonly rules: Unused<SwitchedRule>;
  readonly drops: Unused<SwitchedRule>;
  readonly rows: Unused<UnusedRow>;
  /** Mistakes in mappings and tables: what they are in did not take part. */
  readonly errors: readonly MappingProblem[];
}

/** Names of code systems are looked up by many spellings; a row of it is no rule. */
const uncounted = 'code-systems';

/** Maps messages one after the other, and keeps account of what had a part in them. */
export class CoverageRun {
  readonly library: MappingLibrary;
  readonly #switches = new Switches();
  readonly #drops = new Map<string, SwitchedRule>();
  /** Paths of drop rules: where two maps drop one field, one of them answers for both. */
  readonly #dropped = new Set<string>();
  readonly #sets = new Map<MappingSet, readonly CodeTable[]>();
  readonly #rows = new Set<string>();
  readonly #unclaimed = new Map<string, number>();
  #messages = 0;
  #refused = 0;

  /** Over the mappings under `dir` (`mappings/`). */
  constructor(dir: string) {
    this.library = new MappingLibrary(dir, (map) => this.#noted(map));
  }

  /** Maps one message with these layers, the highest last, as a channel with these parameters does. */
  add(raw: Buffer, layers: readonly string[], parameters: MappingParameters): void {
    const set = this.library.set(layers);
    if (!this.#sets.has(set)) this.#sets.set(set, this.library.tables(layers));
    try {
      const { source, type, map } = set.read(raw);
      if (!map) {
        this.#unclaimed.set(type, (this.#unclaimed.get(type) ?? 0) + 1);
        return;
      }
      const before = watchRows((table, row) => this.#rows.add(`${table.file}:${row.line}`));
      try {
        const { report } = map.run(source, { tenant: 'coverage', parameters, account: 'full' });
        for (const { rule } of report.dropped) this.#dropped.add(pathOf(rule));
      } finally {
        watchRows(before);
      }
      this.#messages++;
    } catch (error) {
      if (!isEngineError(error) || error.kind === 'bug') throw error;
      this.#refused++;
    }
  }

  /** What had no part in any message so far; of the layers that were asked for. */
  result(): Coverage {
    const sets = [...this.#sets.keys()];
    const errors = uniqueProblems(sets.flatMap((set) => set.errors));
    const { rules, used } = this.#switches;
    const tables = new Set([...this.#sets.values()].flat());
    const rows = [...tables].flatMap(rowsOf);
    return {
      messages: this.#messages,
      unclaimed: Object.fromEntries([...this.#unclaimed].sort(([a], [b]) => (a < b ? -1 : 1))),
      refused: this.#refused,
      rules: unusedOf(rules, used),
      drops: {
        of: this.#drops.size,
        unused: [...this.#drops.values()].filter(({ name }) => !this.#dropped.has(pathOf(name))),
      },
      rows: {
        of: rows.length,
        unused: rows.filter(({ file, line }) => !this.#rows.has(`${file}:${line}`)),
      },
      errors,
    };
  }

  #noted(map: MapSource): MapSource {
    for (const { text, place } of map.drop) {
      const name = `${map.name}/drop ${text}`;
      this.#drops.set(name, { name, file: place.file ?? map.file, line: place.line });
    }
    return this.#switches.on(map);
  }
}

/** `PID-1` of `v2.PID.Patient/drop PID-1`. */
function pathOf(rule: string): string {
  return rule.slice(rule.lastIndexOf(' ') + 1);
}

function unusedOf(all: ReadonlyMap<string, SwitchedRule>, used: ReadonlySet<string>): Unused<SwitchedRule> {
  return { of: all.size, unused: [...all].flatMap(([key, rule]) => (used.has(key) ? [] : [rule])) };
}

/** Rows with a code of their own; the one for all others must be there and is not counted. */
function rowsOf({ name, file, rows }: CodeTable): UnusedRow[] {
  if (name === uncounted) return [];
  const lines = new Map<number, UnusedRow>();
  for (const [code, { line }] of rows)
    if (!lines.has(line)) lines.set(line, { table: name, file, line, code });
  return [...lines.values()];
}

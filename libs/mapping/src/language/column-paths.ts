import type { ColumnType, CsvSource } from '#csv';
import { nearestName } from '#kernel';
import { rowSegment, type V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from './expression.js';
import type { DropRule, MessageMapSource, ResourceMapSource } from './mapping-file.js';
import { wholePath } from './parse-path.js';
import type { Place } from './place.js';
import { type Problems, suggestion } from './problems.js';

/** Their words name tables, systems and signs, never columns. */
const wordFunctions = new Set(['table', 'use', 'type', 'system', 'join', 'upTo', 'before', 'after']);

const v2Types: Readonly<Record<ColumnType, string>> = {
  string: 'ST',
  integer: 'NM',
  decimal: 'NM',
  date: 'DT',
  datetime: 'DTM',
  time: 'TM',
  boolean: 'ID',
  code: 'ID',
};

/**
 * Puts fields of rows in the place of column names. A map speaks of columns, and which field each of them is depends on the
 * layout of the message map that runs it. A name that is neither a column nor listed under `uses` is a problem.
 */
export class ColumnPaths {
  /** Some name is no column; what the maps then make is of no use. */
  isWrong = false;
  readonly #columns: ReadonlyMap<string, { readonly field: number; readonly type: V2Type }>;

  constructor(
    private readonly source: CsvSource,
    private readonly problemsOf: (file: string) => Problems,
  ) {
    this.#columns = new Map(
      source.columns.map(({ name, type }, at) => [
        name,
        { field: at + 1, type: { type: v2Types[type], table: 0, repeats: false } },
      ]),
    );
  }

  /** The map with fields for columns. */
  resource(map: ResourceMapSource): ResourceMapSource {
    const names = new Set(map.uses.map(({ text }) => text));
    const walk = new Walk(this, names, this.problemsOf(map.file));
    const { set, key, when, labels, parents } = walk.all(
      {
        set: map.set,
        key: map.key,
        when: map.when,
        labels: map.labels,
        parents: map.parents,
      },
      map.place,
    );
    return { ...map, set, key, when, labels, parents, drop: this.#drops(map.drop, map.file) };
  }

  /** The steps' conditions and the drops with fields for columns. */
  message(map: MessageMapSource): MessageMapSource {
    const walk = new Walk(this, undefined, this.problemsOf(map.file));
    return { ...map, steps: walk.all(map.steps, map.place), drop: this.#drops(map.drop, map.file) };
  }

  #drops(drops: readonly DropRule[], file: string): DropRule[] {
    return drops.flatMap((drop) => {
      const path = this.path(drop.path.name, drop.path.offset);
      if (path) return [{ ...drop, path }];
      this.unknown(drop.path.name, drop.place, this.problemsOf(file));
      return [];
    });
  }

  path(name: string, offset: number): PathExpression | undefined {
    const column = this.#columns.get(name);
    return column && { ...wholePath(undefined, rowSegment, offset), ...column };
  }

  unknown(name: string, place: Place, problems: Problems): void {
    this.isWrong = true;
    const known = [...this.#columns.keys()];
    const remedy = suggestion(nearestName(name, known), [], 'name it under columns; text stands in quotes');
    problems.add(place, 'MAPPING_COLUMN', `${this.source.name} has no column '${name}'`, remedy);
  }
}

/** Walks through rules as they were read. */
class Walk {
  #place: Place = { line: 1, column: 1 };

  constructor(
    private readonly paths: ColumnPaths,
    /** Names that are resources; undefined where any name may be one. */
    private readonly names: ReadonlySet<string> | undefined,
    private readonly problems: Problems,
  ) {}

  all<T>(rules: T, place: Place): T {
    this.#place = place;
    return this.#node(rules) as T;
  }

  #node(node: unknown): unknown {
    if (Array.isArray(node)) return node.map((item) => this.#node(item));
    if (typeof node !== 'object' || node === null) return node;
    const before = this.#place;
    const own = (node as { place?: Place }).place;
    if (own) this.#place = own;
    const out = this.#object(node as Record<string, unknown>);
    this.#place = before;
    return out;
  }

  #object(node: Record<string, unknown>): unknown {
    const { kind } = node;
    // What is no rule: a constant of FHIR may hold anything.
    if (kind === 'constant') return node;
    if (kind === 'name' || kind === 'path') return this.#column(node as unknown as ValueExpression);
    const isWordCall = kind === 'call' && wordFunctions.has(String(node['name']));
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [
        key,
        key === 'place' || key === 'whenPlace' || (isWordCall && key === 'args') ? value : this.#node(value),
      ]),
    );
  }

  #column(expression: ValueExpression): ValueExpression {
    if (expression.kind !== 'name' && expression.kind !== 'path') return expression;
    const { name, offset } = expression;
    if (this.names?.has(name) === true) return expression;
    const isWhole = expression.kind === 'path' ? expression.field === 0 : expression.part === 'reference';
    const path = isWhole ? this.paths.path(name, offset) : undefined;
    if (path) return path;
    if (this.names !== undefined) {
      const { line, column, file } = this.#place;
      this.paths.unknown(name, { line, column: column + offset, file }, this.problems);
    }
    // Told once: any column will do for the rest of the check.
    return this.names === undefined ? expression : wholeRow(offset);
  }
}

function wholeRow(offset: number): PathExpression {
  return { ...wholePath(undefined, rowSegment, offset), field: 1 };
}

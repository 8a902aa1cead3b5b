import type { GroupNode } from '../dictionary/structure.js';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from '../language/expression.js';
import type { ResourceMapSource } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import type { Problems } from '../language/problems.js';
import { rulesMax } from '../run/run.js';
import type { SegmentBits } from '../run/segment-bits.js';
import type { CodeTable } from '../tables/code-table.js';
import type { Level } from '../types/convert.js';
import type { Vocabulary } from '../types/vocabulary.js';
import type { CompiledValue, Modifiers, Target } from './compiled-value.js';
import type { PlanReads } from './plan-reads.js';
import type { ResourcePlan } from './resource-plan.js';

/** One rule of a compiled map; its number is what marks hold. */
export interface RuleInfo {
  /** `v2.PID.Patient/telecom`. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** The rules of one compiled message map, numbered from 1. */
export class RuleBook {
  readonly list: RuleInfo[] = [];

  add(name: string, file: string, line: number): number {
    // A map with more rules than marks can count shares the last number: the account stays whole, lineage coarse.
    if (this.list.length < rulesMax - 1) this.list.push({ name, file, line });
    return this.list.length;
  }

  get(number: number): RuleInfo | undefined {
    return this.list[number - 1];
  }
}

/** What a name in a message map stands for. */
export interface NamedResource {
  readonly slot: number;
  /** Types of the resources it may hold. */
  readonly types: readonly string[];
}

/** Everything a message map is compiled with. */
export interface Compiler {
  readonly vocabulary: Vocabulary;
  readonly tables: ReadonlyMap<string, CodeTable>;
  readonly maps: ReadonlyMap<string, ResourceMapSource>;
  readonly rules: RuleBook;
  /** Numbers the names of segments that rules need. */
  readonly segments: SegmentBits;
  /** Files of maps and tables that took part. */
  readonly parts: Set<string>;
  /** Resource maps that took part. */
  readonly used: Set<ResourceMapSource>;
  problemsOf(file: string): Problems;
  /** Numbers plans, from 1. */
  nextNumber(): number;
  /** The plan of a map that reads a value; compiled once for each level. Undefined when it has a mistake. */
  valuePlan(map: ResourceMapSource, level: Level): ResourcePlan | undefined;
  /** The same of a map that reads an element; what its names mean depends on where it is used. */
  elementPlan(map: ResourceMapSource, names: ReadonlyMap<string, NamedResource>): ResourcePlan | undefined;
}

export type SourceFrame =
  | { readonly kind: 'segment'; readonly name: string }
  | { readonly kind: 'value'; readonly name: string; readonly level: Level }
  | { readonly kind: 'element'; readonly name: string };

/** Compiles an expression to give a target; handed around, because functions and texts are made of values too. */
export type CompileValue = (
  expression: ValueExpression,
  target: Target,
  scope: Scope,
  modifiers?: Modifiers,
) => CompiledValue | undefined;

/** Where an expression stands: what it may read and refer to. */
export interface Scope {
  readonly compiler: Compiler;
  readonly compileValue: CompileValue;
  readonly problems: Problems;
  /** Place of the expression under compilation. */
  readonly place: Place;
  readonly map: string;
  readonly frame: SourceFrame;
  readonly group: GroupNode | undefined;
  readonly names: ReadonlyMap<string, NamedResource>;
  readonly aliases: ReadonlyMap<string, GroupNode>;
  /** Names that may be missing in the message map. */
  readonly uses: ReadonlySet<string>;
  /** The path whose repetitions `each` walks over, and what they are. */
  readonly each: { readonly path: PathExpression; readonly type: V2Type } | undefined;
  /** Inside `each: DG1` a name stands for the resource that was made of that very segment. */
  readonly inEachSegment: boolean;
  /** Types that a `by` settled: `OBX-5` -> `NM`. */
  readonly settled: ReadonlyMap<string, string>;
  /** Told of everything that is read beside the segment or value at hand. */
  readonly reads: PlanReads;
}

/** Reports a mistake at a character of the expression. */
export function mistake(
  scope: Scope,
  offset: number,
  code: string,
  message: string,
  remedy: string,
): undefined {
  const { line, column, file } = scope.place;
  scope.problems.add({ line, column: column + offset, file }, code, message, remedy);
  return undefined;
}

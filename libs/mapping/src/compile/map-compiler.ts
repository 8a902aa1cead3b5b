import type { ResourceMapSource } from '../language/mapping-file.js';
import type { Problems } from '../language/problems.js';
import { SegmentBits } from '../run/segment-bits.js';
import type { CodeTable } from '../tables/code-table.js';
import type { Level } from '../types/convert.js';
import type { Vocabulary } from '../types/vocabulary.js';
import { compileResource } from './compile-resource.js';
import type { ResourcePlan } from './resource-plan.js';
import { type Compiler, type NamedResource, RuleBook } from './scope.js';
import { usedNames } from './used-names.js';

/** What one message map is compiled with, and what has been compiled for it. */
export class MapCompiler implements Compiler {
  readonly rules = new RuleBook();
  readonly segments = new SegmentBits();
  readonly parts = new Set<string>();
  readonly used = new Set<ResourceMapSource>();
  readonly #plans = new Map<string, ResourcePlan | undefined>();
  #number = 0;

  constructor(
    readonly vocabulary: Vocabulary,
    readonly tables: ReadonlyMap<string, CodeTable>,
    readonly maps: ReadonlyMap<string, ResourceMapSource>,
    readonly problemsOf: (file: string) => Problems,
  ) {}

  nextNumber(): number {
    return ++this.#number;
  }

  valuePlan(map: ResourceMapSource, level: Level): ResourcePlan | undefined {
    const key = `${level} ${map.name}`;
    if (this.#plans.has(key)) return this.#plans.get(key);
    // Asked for again while it is being compiled, it would run for ever: the answer is then undefined.
    this.#plans.set(key, undefined);
    const site = { group: undefined, names: new Map(), aliases: new Map(), level };
    const plan = compileResource(map, site, this);
    this.#plans.set(key, plan);
    return plan;
  }

  elementPlan(map: ResourceMapSource, names: ReadonlyMap<string, NamedResource>): ResourcePlan | undefined {
    const used = usedNames(map.name, this.maps);
    const own = new Map([...names].filter(([name]) => used.has(name)));
    const key = `${map.name} ${[...own].map(([name, { slot }]) => `${name}=${slot}`).join(' ')}`;
    if (this.#plans.has(key)) return this.#plans.get(key);
    this.#plans.set(key, undefined);
    const site = { group: undefined, names: own, aliases: new Map(), level: 1 as Level };
    const plan = compileResource(map, site, this);
    this.#plans.set(key, plan);
    return plan;
  }
}

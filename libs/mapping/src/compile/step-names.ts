import { innerSteps, type MapStep, type MessageMapSource } from '../language/mapping-file.js';
import type { Compiler, NamedResource } from './scope.js';
import { usedNames } from './used-names.js';

export type EachStep = Extract<MapStep, { kind: 'each' }>;
export type CreateStep = Extract<MapStep, { kind: 'create' }>;
/** The `each` steps around a step, outermost first. */
type Around = readonly EachStep[];

interface Definition {
  readonly name: string;
  readonly step: CreateStep;
  readonly around: Around;
  variable: Variable;
}

interface Variable extends NamedResource {
  slot: number;
  readonly types: string[];
  /** Every occurrence of the last of these starts with the variable empty. */
  owner: Around;
}

/**
 * The names of a message map. A use means the definitions nearest to it that are not after it: those that share most of
 * the `each` steps around it. (A name of a later group is not yet made: to mean it would keep it from one occurrence to
 * the next, and give a result the order or the specimen of another.) Definitions that one use means are one variable; it lives in the innermost `each` around all of them
 * and all their uses, and starts empty in every occurrence of that.
 */
export class StepNames {
  readonly #definitions: Definition[] = [];
  /** Place of every create step in the order of the file. */
  readonly #order = new Map<CreateStep, number>();
  readonly #compiler: Compiler;

  constructor(map: MessageMapSource, compiler: Compiler) {
    this.#compiler = compiler;
    this.#define(map.steps, []);
    this.#use(map.steps, []);
    const variables = new Set(this.#definitions.map((definition) => definition.variable));
    let slot = 0;
    for (const variable of variables) variable.slot = slot++;
  }

  /** How many slots the names need. */
  get count(): number {
    return new Set(this.#definitions.map((definition) => definition.variable)).size;
  }

  /** The slot that a step fills; undefined when it has no `as`. */
  slotOf(step: CreateStep): number | undefined {
    return this.#definitions.find((definition) => definition.step === step)?.variable.slot;
  }

  /** What names mean in this step, inside these `each` steps. */
  at(step: CreateStep, around: Around): ReadonlyMap<string, NamedResource> {
    const names = new Set(this.#definitions.map((definition) => definition.name));
    const found = [...names].map((name) => [name, this.#nearest(name, step, around)[0]?.variable] as const);
    return new Map(found.flatMap(([name, variable]) => (variable ? [[name, variable]] : [])));
  }

  /** Slots that start empty in every occurrence of the last of `around`. */
  startingIn(around: Around): number[] {
    const variables = new Set(this.#definitions.map((definition) => definition.variable));
    return [...variables]
      .filter(({ owner }) => owner.length === around.length && owner.at(-1) === around.at(-1))
      .map((variable) => variable.slot);
  }

  #define(steps: readonly MapStep[], around: Around): void {
    for (const step of steps) {
      for (const inner of innerSteps(step)) this.#define(inner.steps, [...around, inner]);
      if (step.kind !== 'create') continue;
      this.#order.set(step, this.#order.size);
      if (step.as !== undefined) {
        const type = this.#compiler.maps.get(step.map)?.create.type ?? '';
        this.#definitions.push({
          name: step.as,
          step,
          around,
          variable: { slot: 0, types: [type], owner: around },
        });
      }
    }
  }

  #use(steps: readonly MapStep[], around: Around): void {
    for (const step of steps) {
      for (const inner of innerSteps(step)) this.#use(inner.steps, [...around, inner]);
      if (step.kind !== 'create') continue;
      for (const name of usedNames(step.map, this.#compiler.maps))
        this.#join(this.#nearest(name, step, around), around);
    }
  }

  #nearest(name: string, step: CreateStep, around: Around): Definition[] {
    const named = this.#definitions.filter(
      (definition) => definition.name === name && this.#place(definition.step) <= this.#place(step),
    );
    const most = Math.max(-1, ...named.map((definition) => together(definition.around, around).length));
    return named.filter((definition) => together(definition.around, around).length === most);
  }

  #place(step: CreateStep): number {
    return this.#order.get(step) ?? 0;
  }

  #join(definitions: readonly Definition[], around: Around): void {
    const [first, ...others] = definitions;
    if (!first) return;
    const { variable } = first;
    variable.owner = together(variable.owner, around);
    for (const other of others) {
      const joined = other.variable;
      variable.owner = together(variable.owner, joined.owner);
      for (const type of joined.types) if (!variable.types.includes(type)) variable.types.push(type);
      for (const one of this.#definitions) if (one.variable === joined) one.variable = variable;
    }
  }
}

function together(a: Around, b: Around): Around {
  let depth = 0;
  while (depth < a.length && a[depth] === b[depth]) depth++;
  return a.slice(0, depth);
}

import type { ElementRule, MapSource, MapStep, RuleBody } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';

/** A rule, a part of a list, or a step that can be turned off. */
export interface SwitchedRule {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** Rules that can be turned off, one at a time, without compiling anything again. */
export class Switches {
  readonly #rules = new Map<string, SwitchedRule>();
  #off = '';
  /** Which rules had an effect since it was last made empty; of steps, those that found a segment and whose condition held. */
  used = new Set<string>();

  get rules(): ReadonlyMap<string, SwitchedRule> {
    return this.#rules;
  }

  /** Runs `work` as if the rule were not there. */
  without<T>(key: string, work: () => T): T {
    this.#off = key;
    try {
      return work();
    } finally {
      this.#off = '';
    }
  }

  /** The map with a switch on each of its rules. */
  on = (map: MapSource): MapSource => {
    if (map.kind === 'message') return { ...map, steps: map.steps.map((step) => this.#step(map, step)) };
    const parents = map.parents.map((parent) => {
      return {
        ...parent,
        isOn: this.#isOn(this.#add(map.file, `${map.name}/parent ${parent.element}`, parent.place)),
      };
    });
    return { ...map, parents, set: map.set.map((rule) => this.#rule(map, rule)) };
  };

  #rule(map: MapSource, rule: ElementRule): ElementRule {
    const name = `${map.name}/${rule.path}`;
    const { body } = rule;
    const inner: RuleBody =
      body.kind === 'list'
        ? { ...body, items: body.items.map((item, index) => this.#body(map.file, `${name}[${index}]`, item)) }
        : body;
    // A list of one is its only item.
    const isCovered = body.kind === 'list' && body.items.length === 1;
    return isCovered
      ? { ...rule, body: inner }
      : { ...rule, body: this.#body(map.file, name, inner, rule.place) };
  }

  #body(file: string, name: string, body: RuleBody, place: Place = body.place): RuleBody {
    const key = this.#add(file, name, place);
    const condition = {
      kind: 'switch',
      offset: 0,
      isOn: () => this.#off !== key,
      had: () => {
        this.used.add(key);
      },
    } as const;
    return { kind: 'when', condition, body, place: body.place };
  }

  #step(map: MapSource, step: MapStep): MapStep {
    if (step.kind === 'each') return { ...step, steps: step.steps.map((one) => this.#step(map, one)) };
    if (step.kind === 'maps') return step;
    const key = this.#add(map.file, `${map.name} creates ${step.map}`, step.place);
    const condition = { kind: 'switch', offset: 0, isOn: this.#isOn(key) } as const;
    const when =
      step.when === undefined
        ? condition
        : ({ kind: 'and', offset: 0, parts: [step.when, condition] } as const);
    return { ...step, when };
  }

  #isOn(key: string): () => boolean {
    return () => {
      this.used.add(key);
      return this.#off !== key;
    };
  }

  #add(mapFile: string, name: string, { line, column, file = mapFile }: Place): string {
    const key = `${file}:${line}:${column} ${name}`;
    this.#rules.set(key, { name, file, line });
    return key;
  }
}

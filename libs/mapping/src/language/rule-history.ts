import type { MapSource, PatchSource } from './mapping-file.js';
import { type NamedRule, namedRules, ruleName } from './patch-rules.js';
import { namedSteps } from './patch-steps.js';
import type { Place } from './place.js';

/** What one layer says of a rule. */
export interface RuleVersion {
  readonly layer: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `removed`: from here on there is no such rule. */
  readonly action: 'set' | 'removed';
}

/** What the layers say of each rule of each map, from the lowest to the highest. */
export class RuleHistory {
  readonly #maps = new Map<string, Map<string, RuleVersion[]>>();

  get maps(): readonly string[] {
    return [...this.#maps.keys()];
  }

  /** By the name of the rule, in the order of the map. */
  of(map: string): ReadonlyMap<string, readonly RuleVersion[]> | undefined {
    return this.#maps.get(map);
  }

  /** A map as a whole: what a lower one of its name had goes. */
  map(map: MapSource, layer: string): void {
    const rules = this.#rules(map.name);
    for (const name of rules.keys()) this.#note(map.name, { name, place: map.place }, map.file, layer, true);
    for (const rule of rulesOf(map)) this.#note(map.name, rule, map.file, layer);
  }

  patch(patch: PatchSource, layer: string): void {
    const note = (name: string, place: Place, removed = false) => {
      this.#note(patch.name, { name, place }, patch.file, layer, removed);
    };
    for (const { text, place } of patch.remove) {
      for (const name of this.#under(patch.name, text)) note(name, place, true);
      note(text, place, true);
    }
    for (const change of patch.set) {
      const { rule, item } = change;
      if (item !== undefined) {
        note(ruleName(change), rule.place);
        continue;
      }
      for (const name of this.#under(patch.name, rule.path)) note(name, rule.place, true);
      for (const one of namedRules(rule)) note(one.name, one.place);
    }
    for (const { text, place } of patch.drop) note(`drop ${text}`, place);
    if (patch.when) note('when', patch.when.place);
    if (patch.key[0]) note('key', patch.key[0].place);
    for (const { name, place } of namedSteps(patch.steps)) note(name, place);
  }

  /** Rules that are part of another one: `telecom[work]` of `telecom`, what a group does of the group. */
  #under(map: string, rule: string): string[] {
    return [...this.#rules(map).keys()].filter(
      (name) => name.startsWith(`${rule}[`) || name.startsWith(`${rule}/`),
    );
  }

  #rules(map: string): Map<string, RuleVersion[]> {
    let rules = this.#maps.get(map);
    if (!rules) {
      rules = new Map();
      this.#maps.set(map, rules);
    }
    return rules;
  }

  #note(map: string, { name, place }: NamedRule, file: string, layer: string, removed = false): void {
    const rules = this.#rules(map);
    const versions = rules.get(name) ?? [];
    const { line, column } = place;
    versions.push({ layer, file: place.file ?? file, line, column, action: removed ? 'removed' : 'set' });
    rules.set(name, versions);
  }
}

function rulesOf(map: MapSource): NamedRule[] {
  const drops = map.drop.map(({ text, place }) => ({ name: `drop ${text}`, place }));
  if (map.kind === 'message') return [...namedSteps(map.steps), ...drops];
  const when = map.when ? [{ name: 'when', place: map.when.place }] : [];
  const key = map.key[0] ? [{ name: 'key', place: map.key[0].place }] : [];
  return [...when, ...key, ...map.set.flatMap(namedRules), ...drops];
}

import type { DropRule, ElementRule, PatchSource, RuleBody, RulePatch } from './mapping-file.js';
import type { Place } from './place.js';

type ListBody = Extract<RuleBody, { kind: 'list' }>;

/** A rule of a map by its name: `birthDate`, `telecom[work]`, `drop PID-31`, `key`. */
export interface NamedRule {
  readonly name: string;
  readonly place: Place;
}

/** `birthDate`, or `telecom[work]` for the one of that name in a list. */
export function ruleName({ rule, item }: RulePatch): string {
  return item === undefined ? rule.path : `${rule.path}[${item}]`;
}

/** The names of a rule and of those in its list that have one. */
export function namedRules(rule: ElementRule): NamedRule[] {
  const whole = { name: rule.path, place: rule.place };
  if (rule.body.kind !== 'list') return [whole];
  const { items, names } = rule.body;
  return [
    whole,
    ...items.flatMap((body, i) => {
      const item = names[i];
      return item === undefined ? [] : [{ name: `${rule.path}[${item}]`, place: body.place }];
    }),
  ];
}

/** The rules with this one added, or in the place of the one of its name. */
export function withRule(rules: readonly ElementRule[], { rule, item }: RulePatch): ElementRule[] {
  const before = rules.find((one) => one.path === rule.path);
  const after = item === undefined ? rule : withItem(before, rule, item);
  return before ? rules.map((one) => (one === before ? after : one)) : [...rules, after];
}

function withItem(before: ElementRule | undefined, rule: ElementRule, item: string): ElementRule {
  const list = before ? listBody(before) : undefined;
  const items = [...(list?.items ?? [])];
  const names = [...(list?.names ?? [])];
  const at = names.indexOf(item);
  // It is reported by its own place, not by that of its first path.
  const body = { ...rule.body, place: rule.place };
  if (at >= 0) items[at] = body;
  else {
    items.push(body);
    names.push(item);
  }
  const place = list?.place ?? rule.place;
  return { ...(before ?? rule), body: { kind: 'list', items, names, place } };
}

function listBody({ body }: ElementRule): ListBody {
  return body.kind === 'list' ? body : { kind: 'list', items: [body], names: [undefined], place: body.place };
}

/** The rules without the one of that name; undefined when there is none. */
export function withoutRule(rules: readonly ElementRule[], name: string): ElementRule[] | undefined {
  const whole = rules.find((rule) => rule.path === name);
  if (whole) return rules.filter((rule) => rule !== whole);
  const match = /^(.+)\[([^\]]+)\]$/.exec(name);
  const rule = rules.find((one) => one.path === match?.[1]);
  if (rule?.body.kind !== 'list') return undefined;
  const { items, names, place } = rule.body;
  const at = names.indexOf(match?.[2]);
  if (at < 0) return undefined;
  const rest: ListBody = {
    kind: 'list',
    items: items.toSpliced(at, 1),
    names: names.toSpliced(at, 1),
    place,
  };
  if (rest.items.length === 0) return rules.filter((one) => one !== rule);
  return rules.map((one) => (one === rule ? { ...one, body: rest } : one));
}

/** Drops of a map with those of a patch, which stand for the ones of the same path. */
export function withDrops(drops: readonly DropRule[], { drop }: PatchSource): DropRule[] {
  return [...drops.filter((one) => !drop.some(({ text }) => text === one.text)), ...drop];
}

import type { FhirObject } from '#fhir';
import { compileFhirpath } from './fhirpath/compile.js';
import { type Item, resourceItem } from './fhirpath/item.js';
import { truthOf } from './fhirpath/operators.js';
import type { Program, Scope } from './fhirpath/program.js';
import { r4Invariants } from './r4-invariants.js';

/** The resource that an object stands in, and the one that this is contained in, or itself. */
export interface Around {
  readonly resource: FhirObject;
  readonly root: FhirObject;
}

/** True unless the expression gives true: R4 asks for that (ElementDefinition.constraint.expression). */
export function isBroken(program: Program, value: FhirObject, type: string, around: Around): boolean {
  const context = { value, type };
  return truthOf(program([context], scopeIn(context, around))) !== true;
}

function scopeIn(context: Item, { resource, root }: Around): Scope {
  const item = resourceItem(resource);
  return { context, resource: item, root: root === resource ? item : resourceItem(root) };
}

type Rule = (value: FhirObject, around: Around) => readonly string[];
type Row = [path: string, key: string, expression: string, human: string];

let rules: ReadonlyMap<string, Rule> | undefined;
const none: readonly string[] = [];

function compiledRules(): ReadonlyMap<string, Rule> {
  const byPath = new Map<string, Row[]>();
  for (const row of JSON.parse(r4Invariants) as Row[])
    byPath.set(row[0], [...(byPath.get(row[0]) ?? []), row]);
  return new Map([...byPath].map(([path, rows]) => [path, ruleOf(path, rows)]));
}

function ruleOf(path: string, rows: readonly Row[]): Rule {
  let programs: readonly { readonly message: string; readonly program: Program }[] | undefined;
  return (value, around) => {
    programs ??= rows.map(([, key, expression, human]) => ({
      message: `${key}: ${human}`,
      program: compileFhirpath(expression),
    }));
    let broken: string[] | undefined;
    const context = { value, type: path };
    const focus = [context];
    const scope = scopeIn(context, around);
    for (const { message, program } of programs)
      if (truthOf(program(focus, scope)) !== true) {
        broken ??= [];
        broken.push(message);
      }
    return broken ?? none;
  };
}

/** The invariants of R4 that `#fhir` does not check itself, for the type or nested element at `path`; compiled on first use. */
export function r4RuleOf(path: string): Rule | undefined {
  rules ??= compiledRules();
  return rules.get(path);
}

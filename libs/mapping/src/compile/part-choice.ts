import type { CdaDocument, XmlElement } from '#cda';
import type { XmlStep } from '../language/xml-path.js';
import { xmlTest } from '../run/xml-select.js';

interface Claim<T> {
  /** Those of earlier parts are asked first. */
  readonly turn: number;
  readonly part: T;
  readonly test: (document: CdaDocument, element: XmlElement) => boolean;
}

/**
 * Which part an element goes to: the first whose claim it meets. There are hundreds of claims, nearly all of a template, so
 * those of the templates that the element has are found by them.
 */
export class PartChoice<T extends { readonly claims: readonly XmlStep[] }> {
  #index: ClaimIndex<T> | undefined;

  /** In the order in which they are asked; all are there when the first element comes. */
  constructor(private readonly parts: readonly T[]) {}

  find(document: CdaDocument, element: XmlElement): T | undefined {
    this.#index ??= indexOf(this.parts);
    const { byTemplate, others } = this.#index;
    const { name } = element;
    const named = byTemplate.get(name);
    let best: Claim<T> | undefined;
    if (named)
      for (let one = element.first; one; one = one.next)
        if (one.kind === 'element' && one.name === 'templateId')
          best = better(document, element, named.get(document.attribute(one, 'root') ?? ''), best);
    best = better(document, element, others.get(name), best);
    best = better(document, element, others.get('*'), best);
    return best?.part;
  }
}

/** The first of the claims that holds, when it stands before `best`. */
function better<T>(
  document: CdaDocument,
  element: XmlElement,
  claims: readonly Claim<T>[] | undefined,
  best: Claim<T> | undefined,
): Claim<T> | undefined {
  let found = best;
  if (claims)
    for (const claim of claims)
      if ((!found || claim.turn < found.turn) && claim.test(document, element)) found = claim;
  return found;
}

interface ClaimIndex<T> {
  /** By the name of the element, then by the template. */
  readonly byTemplate: ReadonlyMap<string, ReadonlyMap<string, Claim<T>[]>>;
  /** By the name of the element. */
  readonly others: ReadonlyMap<string, Claim<T>[]>;
}

function indexOf<T extends { readonly claims: readonly XmlStep[] }>(parts: readonly T[]): ClaimIndex<T> {
  const byTemplate = new Map<string, Map<string, Claim<T>[]>>();
  const others = new Map<string, Claim<T>[]>();
  parts.forEach((part, turn) => {
    for (const step of part.claims) {
      const claim = { turn, part, test: xmlTest(step) };
      const templates = templatesOf(step);
      if (!templates) {
        add(others, step.name, claim);
        continue;
      }
      const named = byTemplate.get(step.name) ?? new Map<string, Claim<T>[]>();
      byTemplate.set(step.name, named);
      for (const root of templates) add(named, root, claim);
    }
  });
  return { byTemplate, others };
}

function add<T>(map: Map<string, Claim<T>[]>, key: string, claim: Claim<T>): void {
  const list = map.get(key);
  if (list) list.push(claim);
  else map.set(key, [claim]);
}

/** The templates of which an element must have one; undefined where it need not, or they are not named whole. */
function templatesOf({ name, predicates }: XmlStep): readonly string[] | undefined {
  for (const one of predicates) {
    if (one.kind !== 'test' || one.negated || name === '*') continue;
    const [child, attribute] = one.steps;
    const isTemplate =
      one.steps.length === 2 && child?.name === 'templateId' && attribute?.axis === 'attribute';
    if (isTemplate && one.words && !one.words.some((word) => word.endsWith('*'))) return one.words;
  }
  return undefined;
}

import { type CdaDocument, nameBit, type XmlAttribute, type XmlElement } from '#cda';
import type { XmlPredicate, XmlStep } from '../language/xml-path.js';
import { keyText } from '../types/cda/element-parts.js';

/** Sees what a path leads to: an element, or an attribute of it. True: that is enough. */
export type SeeXml = (element: XmlElement, attribute: XmlAttribute | undefined) => boolean;

type Walk = (document: CdaDocument, from: XmlElement, see: SeeXml) => boolean;
type Test = (document: CdaDocument, element: XmlElement) => boolean;

/** Walks from an element over all that a path leads to, in the order of the document; true when `see` stopped it. */
export function xmlWalk(steps: readonly XmlStep[]): Walk {
  let walk: Walk = (_document, element, see) => see(element, undefined);
  for (let i = steps.length - 1; i >= 0; i--) walk = stepWalk(steps[i] as XmlStep, walk);
  return walk;
}

/** Whether an element has this name and passes these predicates. */
export function xmlTest({ name, predicates }: XmlStep): Test {
  const tests = predicates.flatMap((one) => (one.kind === 'test' ? [predicateTest(one)] : []));
  return (document, element) =>
    (name === '*' || element.name === name) && tests.every((test) => test(document, element));
}

function stepWalk(step: XmlStep, next: Walk): Walk {
  const { axis, name } = step;
  const filter = filtered(step, next);
  switch (axis) {
    case 'root':
      return rootWalk(next);
    case 'self':
      return filter;
    case 'parent':
      return (document, { parent }, see) => parent !== undefined && filter(document, parent, see);
    case 'ancestor':
      return (document, from, see) => {
        let at = from.parent;
        while (at && at.name !== name) at = at.parent;
        return at !== undefined && filter(document, at, see);
      };
    case 'attribute':
      return (_document, element, see) => {
        for (let one = element.firstAttribute; one; one = one.next)
          if ((name === '*' || one.name === name) && see(element, one)) return true;
        return false;
      };
    case 'child':
      return childWalk(step, next);
    case 'descendant':
      return (document, from, see) => descend(document, from, name, filter, see);
    case 'within':
      return (document, from, see) =>
        filter(document, from, see) || descend(document, from, name, filter, see);
  }
}

/** The document is above its root element: a path from there names it, or finds it among all. */
function rootWalk(next: Walk): Walk {
  return (document, _from, see) => next(document, document.above, see);
}

function filtered({ predicates }: XmlStep, next: Walk): Walk {
  const tests = predicates.flatMap((one) => (one.kind === 'test' ? [predicateTest(one)] : []));
  if (tests.length === 0) return next;
  return (document, element, see) => {
    for (const test of tests) if (!test(document, element)) return false;
    return next(document, element, see);
  };
}

function childWalk({ name, predicates }: XmlStep, next: Walk): Walk {
  const bit = name === '*' ? -1 : nameBit(name);
  if (predicates.length === 0)
    return (document, from, see) => {
      if ((from.bits & bit) === 0) return false;
      for (let child = from.first; child; child = child.next)
        if (child.kind === 'element' && (name === '*' || child.name === name) && next(document, child, see))
          return true;
      return false;
    };
  const tests = predicates.map((one) => (one.kind === 'test' ? predicateTest(one) : one.index));
  const counted = tests.some((test) => typeof test === 'number');
  return (document, from, see) => {
    if ((from.bits & bit) === 0) return false;
    const counts = counted ? tests.map(() => 0) : noCounts;
    for (let child = from.first; child; child = child.next) {
      if (child.kind !== 'element' || (name !== '*' && child.name !== name)) continue;
      if (passes(document, child, tests, counts) && next(document, child, see)) return true;
    }
    return false;
  };
}

const noCounts: number[] = [];

/** A number counts those that passed what stands before it. */
function passes(
  document: CdaDocument,
  element: XmlElement,
  tests: readonly (Test | number)[],
  counts: number[],
): boolean {
  for (let i = 0; i < tests.length; i++) {
    const test = tests[i] as Test | number;
    if (typeof test === 'number') {
      counts[i] = (counts[i] ?? 0) + 1;
      if (counts[i] !== test) return false;
    } else if (!test(document, element)) return false;
  }
  return true;
}

/** Over all elements in `from`, which stand behind it in the order of the document. */
function descend(document: CdaDocument, from: XmlElement, name: string, next: Walk, see: SeeXml): boolean {
  const { elements } = document;
  for (let i = from.index + 1; i < elements.length; i++) {
    const element = elements[i] as XmlElement;
    if (element.start >= from.end) break;
    if ((name === '*' || element.name === name) && next(document, element, see)) return true;
  }
  return false;
}

function predicateTest({ steps, words, negated }: Extract<XmlPredicate, { kind: 'test' }>): Test {
  const walk = xmlWalk(steps);
  if (!words) return (document, element) => walk(document, element, isThere) !== negated;
  const exact = new Set(words.filter((word) => !word.endsWith('*')));
  const starts = words.filter((word) => word.endsWith('*')).map((word) => word.slice(0, -1));
  const fits = (text: string): boolean => exact.has(text) || starts.some((start) => text.startsWith(start));
  return (document, element) => {
    const see: SeeXml = (found, attribute) => {
      const text = attribute ? document.value(attribute).trim() : keyText(document, found);
      return text !== undefined && fits(text);
    };
    return walk(document, element, see) !== negated;
  };
}

function isThere(): boolean {
  return true;
}

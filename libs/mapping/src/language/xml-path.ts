import { ExpressionMistake } from './expression-mistake.js';

/**
 * A path through an XML document, from the element at hand:
 *
 *   path      = [ '/' | '//' ] step { ( '/' | '//' ) step }
 *   step      = ( name | '*' | '@' name | '@*' | '.' | '..' | 'ancestor::' name ) { '[' predicate ']' }
 *   predicate = number | [ 'not' ] path | path ( '=' | '!=' ) word { ',' word }
 *             | 'template' ( '=' | '!=' ) oid { ',' oid }          templateId/@root, whatever its extension
 *
 * A predicate may hold a path with predicates of its own, and those no more. `ancestor::` is the nearest of that name.
 */
export interface XmlStep {
  /** `root`: the document; the step after it names its element. `within`: the element and all in it. */
  readonly axis: 'child' | 'descendant' | 'within' | 'parent' | 'ancestor' | 'self' | 'attribute' | 'root';
  /** `*` is any; empty for `.`, `..` and the root. */
  readonly name: string;
  readonly predicates: readonly XmlPredicate[];
}

export type XmlPredicate =
  | { readonly kind: 'index'; readonly index: number }
  | {
      readonly kind: 'test';
      readonly steps: readonly XmlStep[];
      /** Undefined: it must be there. A word that ends in `*` stands for all that begin so. */
      readonly words: readonly string[] | undefined;
      readonly negated: boolean;
    };

const bracketed = String.raw`\[(?:[^[\]]|\[[^[\]]*\])*\]`;
const nameSource = String.raw`[A-Za-z_][A-Za-z0-9_-]*`;
const stepSource = String.raw`(?:ancestor::${nameSource}|@?(?:\*|${nameSource}(?::${nameSource})?)|\.\.?)(?:${bracketed})*`;

/** Finds a path in an expression; a name alone is none. */
export const xmlPathPattern = new RegExp(
  String.raw`(?!in\[)(?=\/|\.|@|\*\/|${nameSource}[/:[])(?:\/\/?)?${stepSource}(?:\/\/?${stepSource})*`,
  'y',
);

const stepPattern = new RegExp(
  String.raw`(\/\/?)?(ancestor::${nameSource}|@?(?:\*|${nameSource}(?::${nameSource})?)|\.\.?)((?:${bracketed})*)`,
  'y',
);
const templateRoot: readonly XmlStep[] = [
  { axis: 'child', name: 'templateId', predicates: [] },
  { axis: 'attribute', name: 'root', predicates: [] },
];

/** Reads a path. Throws ExpressionMistake; `offset` is where it stands in its expression. */
export function parseXmlPath(text: string, offset: number): XmlStep[] {
  const steps: XmlStep[] = [];
  let at = 0;
  while (at < text.length) {
    stepPattern.lastIndex = at;
    const match = stepPattern.exec(text);
    if (!match) throw notAPath(text, offset + at);
    const [whole, slashes = '', name = '', predicates = ''] = match;
    if (at === 0 && slashes !== '') steps.push({ axis: 'root', name: '', predicates: [] });
    if (at > 0 && slashes === '') throw notAPath(text, offset + at);
    if (steps.at(-1)?.axis === 'attribute')
      throw new ExpressionMistake(offset + at, 'nothing stands in an attribute', 'end the path there');
    const isAttribute = name.startsWith('@');
    if (isAttribute && slashes === '//') steps.push({ axis: 'within', name: '*', predicates: [] });
    const step = stepOf(slashes, name, parsePredicates(predicates, offset + at));
    if (step.axis !== 'child' && step.predicates.some((one) => one.kind === 'index'))
      throw new ExpressionMistake(
        offset + at,
        'a number counts children',
        'write it after a name, behind one /',
      );
    steps.push(step);
    at += whole.length;
  }
  return steps;
}

function stepOf(slashes: string, name: string, predicates: XmlPredicate[]): XmlStep {
  if (name === '.') return { axis: 'self', name: '', predicates };
  if (name === '..') return { axis: 'parent', name: '', predicates };
  if (name.startsWith('@')) return { axis: 'attribute', name: name.slice(1), predicates };
  if (name.startsWith('ancestor::'))
    return { axis: 'ancestor', name: name.slice('ancestor::'.length), predicates };
  return { axis: slashes === '//' ? 'descendant' : 'child', name, predicates };
}

function notAPath(text: string, offset: number): ExpressionMistake {
  return new ExpressionMistake(offset, `'${text}' is no path`, 'write for instance act/code/@code');
}

const predicatePattern = new RegExp(bracketed, 'g');

function parsePredicates(text: string, offset: number): XmlPredicate[] {
  return [...text.matchAll(predicatePattern)].map((match) =>
    parsePredicate(match[0].slice(1, -1).trim(), offset + match.index),
  );
}

function parsePredicate(text: string, offset: number): XmlPredicate {
  if (/^\d+$/.test(text) && Number(text) > 0) return { kind: 'index', index: Number(text) };
  const match =
    /^(?:(not)\s+)?((?:[^\s=![\]]|\[[^[\]]*\])+)(?:\s*(!?=)\s*([^\s=,]+(?:\s*,\s*[^\s=,]+)*))?$/.exec(text);
  const [, not, path = '', operator, list] = match ?? [];
  if (!match || (not !== undefined && operator !== undefined))
    throw new ExpressionMistake(
      offset,
      `'[${text}]' selects nothing`,
      'write [2], [template=2.16...], [@typeCode=REFR], [code=48765-2], [value] or [not value]',
    );
  return {
    kind: 'test',
    steps: path === 'template' ? templateRoot : parseXmlPath(path, offset),
    words: list?.split(',').map((word) => word.trim()),
    negated: not !== undefined || operator === '!=',
  };
}

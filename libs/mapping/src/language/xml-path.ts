import { ExpressionMistake } from './expression-mistake.js';

/**
 * A path through an XML document, from the element at hand:
 *
 *   path      = [ '/' | '//' ] step { ( '/' | '//' ) step }
 *   step      = ( name | '*' | '@' name | '.' | '..' ) { '[' predicate ']' }
 *   predicate = number | [ 'not' ] path | path ( '=' | '!=' ) word { ',' word }
 *             | 'template' ( '=' | '!=' ) oid { ',' oid }          templateId/@root, whatever its extension
 */
export interface XmlStep {
  /** `root`: the document; the step after it names its element. */
  readonly axis: 'child' | 'descendant' | 'parent' | 'self' | 'attribute' | 'root';
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

const stepSource = String.raw`(?:@?[A-Za-z_*][A-Za-z0-9_-]*(?::[A-Za-z_][A-Za-z0-9_-]*)?|\.\.?)(?:\[[^\]]*\])*`;

/** Finds a path in an expression; a name alone is none. */
export const xmlPathPattern = new RegExp(
  String.raw`(?!in\[)(?=\/|\.|@|\*\/|[A-Za-z_][A-Za-z0-9_-]*[/:[])(?:\/\/?)?${stepSource}(?:\/\/?${stepSource})*`,
  'y',
);

const stepPattern = /(\/\/?)?(@?[A-Za-z_*][A-Za-z0-9_:-]*|\.\.?)((?:\[[^\]]*\])*)/y;
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
    steps.push(stepOf(slashes, name, parsePredicates(predicates, offset + at)));
    at += whole.length;
  }
  return steps;
}

function stepOf(slashes: string, name: string, predicates: XmlPredicate[]): XmlStep {
  if (name === '.') return { axis: 'self', name: '', predicates };
  if (name === '..') return { axis: 'parent', name: '', predicates };
  if (name.startsWith('@')) return { axis: 'attribute', name: name.slice(1), predicates };
  return { axis: slashes === '//' ? 'descendant' : 'child', name, predicates };
}

function notAPath(text: string, offset: number): ExpressionMistake {
  return new ExpressionMistake(offset, `'${text}' is no path`, 'write for instance act/code/@code');
}

function parsePredicates(text: string, offset: number): XmlPredicate[] {
  return [...text.matchAll(/\[([^\]]*)\]/g)].map((match) =>
    parsePredicate((match[1] ?? '').trim(), offset + match.index),
  );
}

function parsePredicate(text: string, offset: number): XmlPredicate {
  if (/^\d+$/.test(text) && Number(text) > 0) return { kind: 'index', index: Number(text) };
  const match = /^(?:(not)\s+)?([^\s=!]+)(?:\s*(!?=)\s*([^\s=,]+(?:\s*,\s*[^\s=,]+)*))?$/.exec(text);
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

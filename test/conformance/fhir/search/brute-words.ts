import type { TypedValue } from '../../../../libs/search/testing/original-parameters.js';
import { impliedSystem } from './implied-systems.js';
import { type Chooser, escaped, type Matches, type Query } from './query.js';

/** Tokens, strings and addresses by the words of R4 search, sections 3.1.1.4.8 to 3.1.1.4.10; nothing of libs/search is used. */

interface Token {
  readonly system: string | undefined;
  readonly code: string;
  /** A code is written without its system. */
  readonly systemUnsaid?: boolean;
}

type Part = Readonly<Record<string, unknown>>;
const NEVER = 'no-such-value-anywhere';

function tokensOf({ type, element, value }: TypedValue): Token[] {
  const part = value as Part;
  const token = (system: unknown, code: unknown): Token[] =>
    system === undefined && code === undefined
      ? []
      : [{ system: system as string | undefined, code: (code as string | undefined) ?? '' }];
  switch (type) {
    case 'CodeableConcept':
      return ((part['coding'] ?? []) as Part[]).flatMap((one) => token(one['system'], one['code']));
    case 'Coding':
      return token(part['system'], part['code']);
    case 'Identifier':
      return token(part['system'], part['value']);
    case 'ContactPoint':
      return token(undefined, part['value']);
    case 'boolean':
      return token('http://terminology.hl7.org/CodeSystem/special-values', String(value));
    case 'code':
      return [{ system: impliedSystem(element, value as string), code: value as string, systemUnsaid: true }];
    case 'Quantity':
    case 'Range':
    case 'Reference':
      return []; // R4 has characteristic-value of Group look at choices that are no tokens too
    default:
      if (typeof value === 'string') return token(undefined, value);
      throw new Error(`no tokens of ${type} at ${element}`);
  }
}

function tokenIs(system: string | undefined, code: string): Matches {
  return (value) =>
    tokensOf(value).some((token) => {
      if (code !== '' && token.code !== code) return false;
      if (system === undefined) return true;
      if (system === '') return token.system === undefined || token.systemUnsaid === true;
      return token.system === system;
    });
}

/** What is asked of a token parameter that has `values`. */
export function tokenQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const queries: Query[] = [{ modifier: '', text: NEVER, matches: tokenIs(undefined, NEVER) }];
  const ask = (text: string, matches: Matches, modifier = '', negated = false): void => {
    queries.push({ modifier, text, matches, negated });
  };
  for (const value of chooser.some(values, count)) {
    const [token] = chooser.some(tokensOf(value), 1);
    if (token !== undefined && token.code !== '') {
      const { system, code } = token;
      const text = escaped(code);
      ask(text, tokenIs(undefined, code));
      ask(`|${text}`, tokenIs('', code));
      ask(`http://elsewhere.example/|${text}`, tokenIs('http://elsewhere.example/', code));
      ask(text, tokenIs(undefined, code), ':not', true);
      ask(`${NEVER},${text}`, tokenIs(undefined, code));
      if (system !== undefined) {
        ask(`${escaped(system)}|${text}`, tokenIs(system, code));
        ask(`${escaped(system)}|`, tokenIs(system, ''));
        ask(`${escaped(system)}|${text}`, tokenIs(system, code), ':not', true);
      }
    }
    const [shown] = textsBeside(value);
    if (shown !== undefined && foldedText(shown) !== '') {
      const wanted = foldedText(shown).slice(0, 7);
      const begins: Matches = (one) => textsBeside(one).some((text) => foldedText(text).startsWith(wanted));
      ask(escaped(wanted.trim()), begins, ':text');
    }
    ofTypeQuery(value, ask);
  }
  return queries;
}

/** What people read beside a code: CodeableConcept.text, Coding.display, Identifier.type.text. */
function textsBeside({ type, value }: TypedValue): string[] {
  const part = value as Part;
  const found: unknown[] = [];
  if (type === 'CodeableConcept')
    found.push(part['text'], ...((part['coding'] ?? []) as Part[]).map((one) => one['display']));
  if (type === 'Coding') found.push(part['display']);
  if (type === 'Identifier') found.push((part['type'] as Part | undefined)?.['text']);
  return found.filter((one) => typeof one === 'string');
}

function ofTypeQuery(
  { type, value }: TypedValue,
  ask: (text: string, matches: Matches, modifier: string) => void,
): void {
  const codings = (one: unknown): Part[] =>
    ((one as { type?: { coding?: Part[] } }).type?.coding ?? []) as Part[];
  const [coding] = type === 'Identifier' ? codings(value) : [];
  const own = (value as Part)['value'];
  if (coding?.['system'] === undefined || coding['code'] === undefined || own === undefined) return;
  const { system, code } = coding as { system: string; code: string };
  ask(
    [system, code, own as string].map(escaped).join('|'),
    (one) =>
      one.type === 'Identifier' &&
      (one.value as Part)['value'] === own &&
      codings(one.value).some((kind) => kind['system'] === system && kind['code'] === code),
    ':of-type',
  );
}

/** Case, accents, punctuation and white space that says nothing are not compared (section 3.1.1.4.8). */
export function foldedText(text: string): string {
  const base = [...text.normalize('NFKD')].filter((sign) => !/\p{M}/u.test(sign)).join('');
  return base
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replace(/[\p{Pd}\p{Pc}/,]/gu, ' ')
    .replace(/\p{P}/gu, '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

const nameParts = ['family', 'given', 'prefix', 'suffix', 'text'];
const addressParts = ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'];

function stringsOf({ type, value, element }: TypedValue): string[] {
  if (typeof value === 'string') return [value];
  const names = type === 'HumanName' ? nameParts : type === 'Address' ? addressParts : undefined;
  if (names === undefined) throw new Error(`no strings of ${type} at ${element}`);
  return names.flatMap((name) => ((value as Part)[name] ?? []) as string | string[]);
}

/** What is asked of a string parameter that has `values`. */
export function stringQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const queries: Query[] = [{ modifier: '', text: NEVER, matches: stringBegins(NEVER) }];
  for (const value of chooser.some(values, count)) {
    const [text] = chooser.some(stringsOf(value), 1);
    if (text === undefined || foldedText(text) === '') continue;
    const shown = text.slice(0, 200);
    const start = shown.slice(0, 1 + Math.floor(chooser.next() * 12));
    const middle = shown.slice(Math.floor(shown.length / 3), Math.floor(shown.length / 3) + 6);
    const contains: Matches = (one) =>
      stringsOf(one).some((own) => foldedText(own).includes(foldedText(middle)));
    const exactly =
      (wanted: string): Matches =>
      (one) =>
        stringsOf(one).includes(wanted);
    queries.push({
      modifier: '',
      text: escaped(shown.toUpperCase()),
      matches: stringBegins(shown.toUpperCase()),
    });
    if (foldedText(start) !== '')
      queries.push({ modifier: '', text: escaped(start), matches: stringBegins(start) });
    if (foldedText(middle) !== '')
      queries.push({ modifier: ':contains', text: escaped(middle), matches: contains });
    if (text.length <= 200 && !text.endsWith('\\')) {
      queries.push(
        { modifier: ':exact', text: escaped(text), matches: exactly(text) },
        { modifier: ':exact', text: escaped(`${text} `), matches: exactly(`${text} `) },
      );
    }
  }
  return queries;
}

function stringBegins(start: string): Matches {
  const wanted = foldedText(start);
  return (value) => stringsOf(value).some((text) => foldedText(text).startsWith(wanted));
}

/** What is asked of an address parameter that has `values`. */
export function uriQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const is =
    (wanted: string): Matches =>
    ({ value }) =>
      value === wanted;
  const queries: Query[] = [{ modifier: '', text: NEVER, matches: is(NEVER) }];
  for (const { value } of chooser.some(values, count)) {
    const url = value as string;
    const parent = url.slice(0, Math.max(url.lastIndexOf('/'), 0)) || url;
    queries.push(
      { modifier: '', text: escaped(url), matches: is(url) },
      { modifier: '', text: escaped(url.toUpperCase()), matches: is(url.toUpperCase()) },
      { modifier: ':below', text: escaped(parent), matches: (one) => isBelow(one.value as string, parent) },
      {
        modifier: ':above',
        text: escaped(`${url}/more/still`),
        matches: (one) => isBelow(`${url}/more/still`, one.value as string),
      },
    );
  }
  return queries;
}

/** Segments of a path decide; a URN has none. */
function isBelow(url: string, parent: string): boolean {
  if (url === parent) return true;
  if (/^urn:/.test(url)) return false;
  const [long, short] = [url.split('/'), parent.replace(/\/$/, '').split('/')];
  return short.length < long.length && short.every((segment, at) => segment === long[at]);
}

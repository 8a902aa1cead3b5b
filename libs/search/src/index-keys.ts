import { hash64 } from '#kernel';
import { emitDateKeys } from './date-keys.js';
import { spanOfTime } from './date-query.js';
import type { Leaf, MemberExtract } from './expression.js';
import { numberKeysOfValue } from './number-keys.js';
import { numberSpan } from './number-query.js';
import { quantityKeysOfValue } from './quantity-query.js';
import { targetOf, withoutVersion } from './reference-query.js';
import { parametersOf, type SearchParameter } from './search-parameters.js';
import { foldText, prefixLengths, textsOf } from './string-query.js';
import { tokensOf } from './token-query.js';

/**
 * Of what `indexTerms` gives. Whoever changes that raises it, and resources that were stored before are indexed again; a test compares the
 * terms of fixtures with those of this version.
 */
export const indexVersion = 3;

/** Parameters whose values another one of the same type has too: they share its rows. */
const sharedRows: Readonly<Record<string, string>> = {
  patient: 'subject',
  code: 'combo-code',
  'component-code': 'combo-code',
  'value-concept': 'combo-value-concept',
  'component-value-concept': 'combo-value-concept',
  family: 'name',
  given: 'name',
  phonetic: 'name',
  'address-city': 'address',
  'address-country': 'address',
  'address-postalcode': 'address',
  'address-state': 'address',
  'value-quantity': 'combo-value-quantity',
  'component-value-quantity': 'combo-value-quantity',
  'code-value-quantity': 'combo-code-value-quantity',
  'component-code-value-quantity': 'combo-code-value-quantity',
};

/** What stands before a key of this parameter in the index. */
export function keyPrefix(type: string, { name }: Pick<SearchParameter, 'name'>): string {
  const shared = sharedRows[name];
  return `${type}|${shared !== undefined && parametersOf(type).has(shared) ? shared : name}|`;
}

/** Composite parameters whose pairs are in the index: a code with a quantity, so that a high potassium is found among all values. */
export function isPaired({ elements }: Pick<SearchParameter, 'elements'>): boolean {
  const [code, quantity, more] = elements[0]?.parts ?? [];
  return code?.kind === 'token' && quantity?.kind === 'quantity' && more === undefined;
}

/** Most texts of a value that are beginnings to look for: a name has few, a text of the other kind is none. */
const MAX_TEXTS = 20;

/** Values of one parameter whose terms are kept: codes, days and references come again and again. */
const MAX_KEPT = 1_000;

/** Makes terms of the values of one parameter. */
class TermWriter {
  private readonly kept = new Map<string, readonly string[]>();

  constructor(
    private readonly prefix: string,
    private readonly kind: SearchParameter['kind'],
  ) {}

  /** Adds the terms of a value. `patient`: a reference to that one needs none. */
  write(value: unknown, leaf: Leaf, patient: bigint | null, found: string[]): void {
    switch (this.kind) {
      case 'token':
        // A token that is only a system has no term: `system|` is answered by reading.
        tokensOf(value, leaf, (token) => {
          if (token.value !== '') this.add(token.value, found);
        });
        return;
      case 'reference':
        this.writeReference(targetOf(value, leaf), patient, found);
        this.writeIdentifier(value, found);
        return;
      case 'uri':
        if (typeof value === 'string') this.add(value, found);
        return;
      case 'number':
        for (const key of numberKeys(value)) found.push(keyHash(this.prefix + key));
        return;
      case 'quantity':
        for (const key of quantityKeysOfValue(value, leaf)) this.add(key, found);
        return;
      case 'date':
        if (typeof value === 'string') this.add(value, found);
        else for (const key of dateKeys(value)) found.push(keyHash(this.prefix + key));
        return;
      default:
        this.writeTexts(value, found);
    }
  }

  private writeReference(target: ReturnType<typeof targetOf>, patient: bigint | null, found: string[]): void {
    if (target === undefined) return;
    if (!target.here) this.add(withoutVersion(target.url), found);
    else if (target.type !== 'Patient' || patientHash(target.id) !== patient) this.add(target.id, found);
  }

  /** For `:identifier`. An id that is the same leads to a candidate too many. */
  private writeIdentifier(value: unknown, found: string[]): void {
    const said = (value as { identifier?: { value?: unknown } | null }).identifier?.value;
    if (typeof said === 'string' && said !== '') this.add(said, found);
  }

  private writeTexts(value: unknown, found: string[]): void {
    let count = 0;
    textsOf(value, (text) => {
      if (count++ < MAX_TEXTS) this.add(text, found);
    });
  }

  private add(value: string, found: string[]): void {
    let terms = this.kept.get(value);
    if (terms === undefined) {
      terms = this.keysOf(value).map((key) => keyHash(this.prefix + key));
      if (this.kept.size === MAX_KEPT) this.kept.clear();
      this.kept.set(value, terms);
    }
    for (const term of terms) found.push(term);
  }

  private keysOf(value: string): string[] {
    if (this.kind === 'date') return dateKeys(value);
    if (this.kind === 'quantity') return [value];
    if (this.kind !== 'string') return [`|${value}`];
    const folded = foldText(value);
    return prefixLengths
      .filter((length) => folded.length >= length)
      .map((length) => `^${folded.slice(0, length)}`);
  }
}

function dateKeys(value: unknown): string[] {
  const span = spanOfTime(value);
  const keys: string[] = [];
  if (span !== undefined) emitDateKeys(span, (key) => keys.push(key));
  return keys;
}

function numberKeys(value: unknown): string[] {
  const span = numberSpan(value);
  return span === undefined ? [] : numberKeysOfValue(span);
}

/** Writes the terms of a composite parameter: each code of an element with each key of its quantity. */
class PairWriter {
  private readonly kept = new Map<string, string>();

  constructor(
    private readonly prefix: string,
    private readonly elements: SearchParameter['elements'],
  ) {}

  write(resource: object, found: string[]): void {
    for (const { extract, parts } of this.elements) {
      const [code, quantity] = parts;
      extract(resource, (element) => {
        const keys: string[] = [];
        quantity?.extract(element, (value, leaf) => keys.push(...quantityKeysOfValue(value, leaf)));
        if (keys.length === 0) return;
        code?.extract(element, (value, leaf) =>
          tokensOf(value, leaf, (token) => {
            if (token.value !== '') for (const key of keys) found.push(this.term(`|${token.value}$${key}`));
          }),
        );
      });
    }
  }

  private term(key: string): string {
    let term = this.kept.get(key);
    if (term === undefined) {
      term = keyHash(this.prefix + key);
      if (this.kept.size === MAX_KEPT) this.kept.clear();
      this.kept.set(key, term);
    }
    return term;
  }
}

/** What a type has to write, by the member that it stands in. */
interface Plan {
  readonly byMember: ReadonlyMap<
    string,
    readonly { writer: TermWriter; extract: MemberExtract['extract'] }[]
  >;
  /** Parameters that must see the whole resource. */
  readonly whole: readonly { writer: TermWriter; extract: SearchParameter['extract'] }[];
  readonly pairs: readonly PairWriter[];
}

const plans = new Map<string, Plan>();

function planOf(type: string): Plan {
  const known = plans.get(type);
  if (known) return known;
  const byMember = new Map<string, { writer: TermWriter; extract: MemberExtract['extract'] }[]>();
  const whole: { writer: TermWriter; extract: SearchParameter['extract'] }[] = [];
  const pairs: PairWriter[] = [];
  for (const parameter of parametersOf(type).values()) {
    const prefix = keyPrefix(type, parameter);
    if (prefix !== `${type}|${parameter.name}|`) continue; // of those that share rows one writes them
    if (parameter.kind === 'composite') {
      if (isPaired(parameter)) pairs.push(new PairWriter(prefix, parameter.elements));
      continue;
    }
    const writer = new TermWriter(prefix, parameter.kind);
    const { extract } = parameter;
    if (extract.byMember === undefined) whole.push({ writer, extract });
    for (const { member, extract: below } of extract.byMember ?? []) {
      byMember.set(member, [...(byMember.get(member) ?? []), { writer, extract: below }]);
    }
  }
  const plan = { byMember, whole, pairs };
  if (parametersOf(type).size > 0) plans.set(type, plan); // only R4 names, so the map is bounded
  return plan;
}

/** The term under which the index holds a key: 64 bits of its hash, as PostgreSQL writes a bigint. */
export function keyHash(key: string): string {
  return hash64(key).toString();
}

/**
 * The terms that the index must hold for this version of a resource; some may repeat. Pure; the resource is only read.
 * `patient` is what its row will hold in `resource.patient`: a reference to that Patient needs no term, which spares nearly all.
 */
export function indexTerms(resource: object, patient: bigint | null): string[] {
  const type = (resource as { resourceType?: unknown }).resourceType;
  if (typeof type !== 'string') return [];
  const found: string[] = [];
  const { byMember, whole, pairs } = planOf(type);
  let writer: TermWriter | undefined;
  const emit = (value: unknown, leaf: Leaf): void => writer?.write(value, leaf, patient, found);
  for (const member in resource) {
    const value = (resource as Record<string, unknown>)[member];
    for (const one of byMember.get(member) ?? nothing) {
      writer = one.writer;
      one.extract(value, emit);
    }
  }
  for (const one of whole) {
    writer = one.writer;
    one.extract(resource, emit);
  }
  for (const one of pairs) one.write(resource, found);
  return found;
}

const nothing: readonly never[] = [];

let lastPatient = { id: '', hash: 0n };

/**
 * What `resource.patient` holds: a hash, so that a Patient need not be stored before what refers to it. The last one is
 * kept, because the resources of one message nearly all name the same Patient.
 */
export function patientHash(id: string): bigint {
  if (lastPatient.id !== id || id === '') lastPatient = { id, hash: hash64(`Patient/${id}`) };
  return lastPatient.hash;
}

import { hash64 } from '#kernel';
import { emitDateKeys } from './date-keys.js';
import { spanOfTime } from './date-query.js';
import type { Leaf } from './expression.js';
import { targetOf, withoutVersion } from './reference-query.js';
import { parametersOf, type SearchParameter } from './search-parameters.js';
import { foldText, prefixLengths, textsOf } from './string-query.js';
import { tokensOf } from './token-query.js';

/** Parameters whose values another one of the same type has too: they share its rows. */
const sharedRows: Readonly<Record<string, string>> = {
  patient: 'subject',
  family: 'name',
  given: 'name',
  phonetic: 'name',
  'address-city': 'address',
  'address-country': 'address',
  'address-postalcode': 'address',
  'address-state': 'address',
};

/** What stands before a key of this parameter in the index. */
export function keyPrefix(type: string, { name }: Pick<SearchParameter, 'name'>): string {
  const shared = sharedRows[name];
  return `${type}|${shared !== undefined && parametersOf(type).has(shared) ? shared : name}|`;
}

/** Most texts of a string parameter are names of persons and things; the rest is no beginning that anybody looks for. */
const MAX_TEXTS = 20;

type Write = (value: unknown, leaf: Leaf, emit: (key: string) => void, patient: bigint | null) => void;

/** How the values of a kind become keys; kinds that are missing here have no index. */
const writers: Readonly<Partial<Record<SearchParameter['kind'], Write>>> = {
  token: (value, leaf, emit) => {
    // Only found by `system|`, which has no key and is answered by reading.
    tokensOf(value, leaf, (token) => {
      if (token.value !== '') emit(`|${token.value}`);
    });
  },
  reference: (value, leaf, emit, patient) => {
    const target = targetOf(value, leaf);
    if (target === undefined) return;
    if (!target.here) emit(`|${withoutVersion(target.url)}`);
    else if (target.type !== 'Patient' || patientHash(target.id) !== patient) emit(`|${target.id}`);
  },
  uri: (value, _leaf, emit) => {
    if (typeof value === 'string') emit(`|${value}`);
  },
  date: (value, _leaf, emit) => {
    const span = spanOfTime(value);
    if (span !== undefined) emitDateKeys(span, emit);
  },
  string: (value, _leaf, emit) => {
    let count = 0;
    textsOf(value, (text) => {
      if (count++ >= MAX_TEXTS) return;
      const folded = foldText(text);
      for (const length of prefixLengths) if (folded.length >= length) emit(`^${folded.slice(0, length)}`);
    });
  },
};

interface Writer {
  readonly prefix: string;
  readonly write: Write;
  readonly extract: SearchParameter['extract'];
}

const writersByType = new Map<string, readonly Writer[]>();

function writersOf(type: string): readonly Writer[] {
  const known = writersByType.get(type);
  if (known) return known;
  const made: Writer[] = [];
  for (const parameter of parametersOf(type).values()) {
    const write = writers[parameter.kind];
    const prefix = keyPrefix(type, parameter);
    if (write === undefined || prefix !== `${type}|${parameter.name}|`) continue; // the other one writes its rows
    made.push({ prefix, write, extract: parameter.extract });
  }
  if (parametersOf(type).size > 0) writersByType.set(type, made); // only R4 names, so the map is bounded
  return made;
}

/** Keys whose hash is kept: codes, days and beginnings of names come again and again. */
const MAX_HASHES = 50_000;
const hashes = new Map<string, bigint>();

/** The hash under which the index holds a key. */
export function keyHash(key: string): bigint {
  let hash = hashes.get(key);
  if (hash === undefined) {
    if (hashes.size === MAX_HASHES) hashes.clear();
    hash = hash64(key);
    hashes.set(key, hash);
  }
  return hash;
}

/**
 * The rows that the index must hold for this version of a resource, without repeats. Pure; the resource is only read.
 * `patient` is what its row will hold in `resource.patient`: a reference to that Patient needs no row, which spares nearly all.
 */
export function indexHashes(resource: object, patient: bigint | null): bigint[] {
  const type = (resource as { resourceType?: unknown }).resourceType;
  if (typeof type !== 'string') return [];
  const found = new Set<bigint>();
  for (const { prefix, write, extract } of writersOf(type)) {
    extract(resource, (value, leaf) =>
      write(value, leaf, (key) => found.add(keyHash(prefix + key)), patient),
    );
  }
  return [...found];
}

let lastPatient = { id: '', hash: 0n };

/**
 * What `resource.patient` holds: a hash, so that a Patient need not be stored before what refers to it. The last one is
 * kept, because the resources of one message nearly all name the same Patient.
 */
export function patientHash(id: string): bigint {
  if (lastPatient.id !== id || id === '') lastPatient = { id, hash: hash64(`Patient/${id}`) };
  return lastPatient.hash;
}

import type { FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import { tableSystem } from './code-systems.js';
import { type Level, partText, separatorOf } from './convert.js';
import type { Vocabulary } from './vocabulary.js';

/** HD: namespace, universal id, its type. */
export interface Authority {
  readonly name: string | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
}

const identifierTypes = tableSystem(203);
const universalIdTypes = tableSystem(301);

/** Component `number` of a composite value, an HD. */
export function readAuthority(
  run: Run,
  start: number,
  end: number,
  number: number,
  level: Level,
): Authority | undefined {
  const from = run.part(start, end, number, separatorOf(run, level));
  if (from < 0) return undefined;
  const to = run.end;
  // Below a subcomponent there is nothing more to divide.
  if (level === 2) return { name: run.subLeaf(from, to), id: undefined, type: undefined };
  return readHd(run, from, to, 2);
}

export function readHd(run: Run, from: number, to: number, level: Level): Authority | undefined {
  const name = partText(run, from, to, 1, level);
  const id = partText(run, from, to, 2, level);
  if (id === undefined) return name === undefined ? undefined : { name, id, type: undefined };
  return { name, id, type: partText(run, from, to, 3, level) };
}

/**
 * Who assigned an identifier (v2-to-FHIR EI[Identifier-Organization], HD[Organization]): its universal id with the type
 * of that, and its name where the system of the identifier does not say it. A facility stands before the authority,
 * whose id is in the system already.
 */
export function assignerOf(
  vocabulary: Vocabulary,
  authority: Authority | undefined,
  system: string | undefined,
  facility: Authority | undefined,
): FhirObject | undefined {
  if (facility === undefined) return authority && namedAuthority(vocabulary, authority, system);
  const name = authority && besideSystem(authority, system);
  const display = facility.name ?? name ?? facility.id;
  if (display === undefined) return authority && namedAuthority(vocabulary, authority, system);
  const assigner: FhirObject = {};
  if (facility.id !== undefined && facility.name !== undefined) {
    const identifier = universalIdentifier(vocabulary, facility.id, facility.type);
    const above = authority && namedAuthority(vocabulary, authority, system);
    assigner['identifier'] = above ? { ...identifier, assigner: above } : identifier;
  } else if (name !== undefined && name !== display) assigner['identifier'] = { value: name };
  assigner['display'] = display;
  return assigner;
}

/** The name, where nobody can read it in the system of the identifier: a universal id, a known URI, quoted characters. */
function besideSystem({ name, id }: Authority, system: string | undefined): string | undefined {
  return name === undefined || id !== undefined || system?.endsWith(name) !== true ? name : undefined;
}

/** Few authorities assign all numbers: one object for each of them. */
function namedAuthority(
  vocabulary: Vocabulary,
  authority: Authority,
  system: string | undefined,
): FhirObject | undefined {
  const { id, type } = authority;
  const name = besideSystem(authority, system);
  if (id === undefined || type === undefined) return name === undefined ? undefined : { display: name };
  return vocabulary.remembered(`${name ?? ''}\0${id}\0${type}`, () => {
    const identifier = universalIdentifier(vocabulary, id, type);
    return name === undefined ? { identifier } : { identifier, display: name };
  });
}

/** The universal id of an authority, an application or a place, as an Identifier. */
function universalIdentifier(vocabulary: Vocabulary, id: string, type: string | undefined): FhirObject {
  const identifier: FhirObject = {};
  if (type !== undefined) identifier['type'] = { coding: [{ system: universalIdTypes, code: type }] };
  const uri = vocabulary.authoritySystem(undefined, id, type);
  if (uri?.startsWith('urn:oid:') || uri?.startsWith('urn:uuid:')) {
    identifier['system'] = 'urn:ietf:rfc:3986';
    identifier['value'] = uri;
  } else identifier['value'] = id;
  return identifier;
}

/** HD to Identifier (v2-to-FHIR HD[Identifier]): of what it names. `type` goes before that of the universal id. */
export function hdIdentifier(
  vocabulary: Vocabulary,
  { name, id, type }: Authority,
  givenType: string,
): FhirObject | undefined {
  if (id === undefined && name === undefined) return undefined;
  const identifier: FhirObject =
    id === undefined ? { value: name as string } : { ...universalIdentifier(vocabulary, id, type) };
  if (givenType !== '') identifier['type'] = { coding: [{ system: identifierTypes, code: givenType }] };
  if (id !== undefined && name !== undefined) identifier['assigner'] = { display: name };
  return identifier;
}

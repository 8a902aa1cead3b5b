import { typeKind } from '#fhir';
import type { Item } from './item.js';

/** Types of which values are of another type too. */
const parents: Readonly<Record<string, string>> = {
  code: 'string',
  id: 'string',
  markdown: 'string',
  canonical: 'uri',
  oid: 'uri',
  url: 'uri',
  uuid: 'uri',
  positiveInt: 'integer',
  unsignedInt: 'integer',
  Age: 'Quantity',
  Count: 'Quantity',
  Distance: 'Quantity',
  Duration: 'Quantity',
};
/** Resources that are no DomainResource. */
const plainResources = new Set(['Bundle', 'Binary', 'Parameters']);

/** True when `item` is of the type `wanted`, of FHIR or of System (`String`, `Boolean`). */
export function isOfType({ type }: Item, wanted: string): boolean {
  for (let own: string | undefined = type; own !== undefined; own = parents[own])
    if (own === wanted || (/^[a-z]/.test(own) && own === wanted.charAt(0).toLowerCase() + wanted.slice(1)))
      return true;
  if (typeKind(type) !== 'resource') return false;
  return wanted === 'Resource' || (wanted === 'DomainResource' && !plainResources.has(type));
}

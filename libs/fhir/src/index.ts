export { Decimal } from './decimal.js';
export type { ValueSetCodes } from './definitions.js';
export {
  childrenOf,
  choiceName,
  type ElementType,
  elementType,
  nearestName,
  typeKind,
  type UnknownElement,
} from './element-type.js';
export { readJson } from './read-json.js';
export { isResourceType, resourceTypeCode, resourceTypes } from './resource-types.js';
export { type FhirObject, type FhirValue, writeJson } from './write-json.js';

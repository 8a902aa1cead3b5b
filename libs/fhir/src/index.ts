export { type BundleEntry, bundleOf } from './bundle.js';
export { bundleOfBytes } from './bundle-of-bytes.js';
export { checkResource } from './check-resource.js';
export { Decimal } from './decimal.js';
export {
  childrenOf,
  choiceName,
  type ElementType,
  elementType,
  typeKind,
} from './element-type.js';

export { readJson } from './read-json.js';
export { headOf, spliceMeta } from './resource-text.js';
export { isResourceType, resourceTypeCode, resourceTypes } from './resource-types.js';
export { type FhirObject, type FhirValue, writeJson, writtenOnce } from './write-json.js';

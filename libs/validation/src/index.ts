export { type FoundElements, findElements } from './fhirpath/find-elements.js';
export { type Item as ElementItem, typeOfMembers } from './fhirpath/item.js';
export { r4RuleOf } from './invariants.js';
export { loadProfiles, Profiles } from './profiles/load-profiles.js';
export { r4Issues, type ValidationRequest, validate } from './validate.js';

export { r4RuleOf } from './invariants.js';
export { loadProfiles, Profiles } from './profiles/load-profiles.js';
export { type ValidationRequest, validate } from './validate.js';

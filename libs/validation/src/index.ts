export { r4RuleOf } from './invariants.js';

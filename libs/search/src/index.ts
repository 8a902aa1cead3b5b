export {
  type Criteria,
  compileConditions,
  compileCriteria,
  cutModifier,
  type QueryPair,
  requireType,
  searchParameterNames,
  unknownParameter,
} from './criteria.js';
export { type InstantQuery, instantQuery } from './date-query.js';
export { indexTerms, indexVersion, patientHash } from './index-keys.js';
export { alternatives, invalidValue } from './query-text.js';
export { targetOf } from './reference-query.js';
export { compartmentOf, parametersOf, type SearchParameter } from './search-parameters.js';
export { sortKeyOf } from './sort-value.js';
export { subsetOf } from './subset.js';
export type { QueryContext } from './value-query.js';

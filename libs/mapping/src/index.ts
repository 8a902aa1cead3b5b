export { compileChannelCondition } from './conditions/channel-condition.js';
export { convertFile } from './convert-file.js';
export { RowsConversion } from './convert-rows.js';
export type { ConvertedFile } from './converted-file.js';
export { type ExplainedRule, loadMappings, MappingLibrary } from './load-mappings.js';
export { formatProblem, type MappingProblem, uniqueProblems } from './mapping-problem.js';
export type {
  ElementLineage,
  MappedResource,
  MappingParameters,
  MappingReport,
} from './mapping-result.js';
export type { CompiledMessageMap, MappingSet } from './mapping-set.js';
export { mergeUpdate } from './merge-update.js';
export { CoverageRun } from './tests/coverage.js';
export { mutateMappings } from './tests/mutate.js';
export { runMappingTests } from './tests/run-tests.js';

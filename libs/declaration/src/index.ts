export {
  checked,
  type Field,
  type FileProblem,
  list,
  note,
  object,
  optional,
  placed,
  type Reading,
  record,
  required,
  scalar,
  wordOr,
} from './field-spec.js';
export { firstFiles } from './folder-files.js';

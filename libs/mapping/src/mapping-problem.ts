/** One thing wrong with a mapping, table or test file. Collected, never thrown: one file must not hide another. */
export interface MappingProblem {
  /** Relative to the directory that was loaded. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Stable, upper snake case, listed in docs/errors.md. */
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** `file:line:column CODE message - remedy`, one line for people. */
export function formatProblem(problem: MappingProblem): string {
  const { file, line, column, code, message, remedy } = problem;
  return `${file}:${line}:${column} ${code} ${message} - ${remedy}`;
}

/** Each once: a map that is used in several places has its mistakes in all of them. */
export function uniqueProblems(problems: readonly MappingProblem[]): MappingProblem[] {
  const seen = new Map(
    problems.map((one) => [`${one.file}:${one.line}:${one.column} ${one.code} ${one.message}`, one]),
  );
  return [...seen.values()];
}

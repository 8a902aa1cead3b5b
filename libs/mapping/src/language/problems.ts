import type { MappingProblem } from '../mapping-problem.js';
import type { Place } from './place.js';

const problemsMax = 1_000;

/** Collects what is wrong in one file. */
export class Problems {
  readonly list: MappingProblem[] = [];

  constructor(readonly file: string) {}

  /** Takes problems and keeps none: for looking at what an expression would be. */
  quiet(): Problems {
    return new Problems(this.file);
  }

  add(place: Place, code: string, message: string, remedy: string): void {
    if (this.list.length >= problemsMax) return;
    const { line, column, file = this.file } = place;
    this.list.push({ file, line, column, code, message, remedy });
  }
}

/** `did you mean X`, or what there is. */
export function suggestion(
  nearest: string | undefined,
  choices: readonly string[],
  otherwise: string,
): string {
  if (nearest !== undefined) return `did you mean '${nearest}'?`;
  if (choices.length > 0 && choices.length <= 40) return `use one of: ${choices.join(', ')}`;
  return otherwise;
}

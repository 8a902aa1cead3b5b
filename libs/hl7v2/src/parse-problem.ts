import type { CharacterSetProblem } from './character-set.js';

/** A message lists at most so many problems; the rest is counted. */
export const problemsMax = 100;

/** What was not as it should be, though the message could be read. `offset` is a place in `Message.text`. */
export interface ParseProblem {
  readonly code:
    | CharacterSetProblem['code']
    | 'ESCAPE_UNKNOWN'
    | 'SEGMENT_NAME_CASE'
    | 'SEGMENT_NAME_INVALID'
    | 'LINE_FEED_IN_FIELD'
    | 'CONTINUATION_SEGMENT';
  /** `error`: something of the message could not be understood and must not be stored as if it had been. */
  readonly severity: 'warning' | 'error';
  readonly offset: number;
  /** For people; never holds message content. */
  readonly detail: string;
}

import type { CurrentResource } from './current-resources.js';

/** What changed in one transaction, gathered while its messages are applied in order. */
export interface Changes {
  /** State of each touched resource after the last message so far. */
  readonly current: Map<string, CurrentResource>;
  /** As the database had them before. */
  readonly before: Map<string, CurrentResource>;
  /** Versions made in this transaction and overtaken in it. */
  readonly overtaken: CurrentResource[];
  readonly changed: Set<string>;
  /** Terms that the index still lacks, by resource. */
  readonly terms: Map<string, readonly string[]>;
}

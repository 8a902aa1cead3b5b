import type { Repository } from './repository.js';

/** One house rule: what it demands as a sentence, and every breach as `path: what is wrong`. */
export interface HouseRule {
  readonly demand: string;
  readonly breaches: (repository: Repository) => string[];
}

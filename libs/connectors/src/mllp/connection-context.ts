import type { Acknowledged, Receive } from '#channel';
import type { Clock } from '#kernel';
import type { FrameMemory } from './frame-memory.js';
import type { MllpSourceCounters, MllpSourceEvent, MllpSourceLimits } from './mllp-source-options.js';
import type { SequenceNumbers } from './sequence-numbers.js';

/** What all connections of a source have in common. */
export interface ConnectionContext {
  readonly channel: string;
  readonly limits: MllpSourceLimits;
  readonly receive: Receive;
  readonly acknowledged: Acknowledged;
  readonly report: (event: MllpSourceEvent) => void;
  readonly counters: MllpSourceCounters;
  readonly memory: FrameMemory;
  readonly clock: Clock;
  readonly ownId: () => string;
  readonly sequenceNumbers: SequenceNumbers;
  /** True while the source is paused. */
  readonly isPaused: () => boolean;
}

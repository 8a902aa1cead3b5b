import type { EngineError } from '#kernel';
import { counted, durationText } from './time-text.js';

/** Times kept for the middle and the slowest: beyond this only counts go on. */
const MAX_TIMES = 1_000_000;
const MAX_LABEL_WIDTH = 48;

/** What became of the messages of one `send`. */
export class SendTally {
  accepted = 0;
  refused = 0;
  unanswered = 0;
  unansweredInARow = 0;
  stoppedBy: EngineError | undefined;
  private readonly timesMs: number[] = [];
  private readonly startedMs = performance.now();
  /** So that codes, types and times stand under each other, as far as labels are of a sane length. */
  readonly labelWidth: number;

  constructor(longestLabel = 0) {
    this.labelWidth = Math.min(longestLabel, MAX_LABEL_WIDTH);
  }

  get sent(): number {
    return this.accepted + this.refused + this.unanswered;
  }

  noteUnanswered(): void {
    this.unanswered++;
    this.unansweredInARow++;
  }

  note(accepted: boolean, tookMs: number): void {
    this.unansweredInARow = 0;
    if (accepted) this.accepted++;
    else this.refused++;
    if (this.timesMs.length < MAX_TIMES) this.timesMs.push(tookMs);
  }

  summary() {
    const { sent, accepted, refused, unanswered } = this;
    return { sent, accepted, refused, unanswered, ms: Math.round(performance.now() - this.startedMs) };
  }

  /** One line for a person. */
  sentence(): string {
    if (this.sent === 0) return 'nothing was sent: there is no HL7 v2 message there';
    const parts = [`${this.accepted} accepted`];
    if (this.refused > 0) parts.push(`${this.refused} refused`);
    if (this.unanswered > 0) parts.push(`${this.unanswered} not answered`);
    const took = durationText(performance.now() - this.startedMs);
    const sorted = this.timesMs.sort((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)];
    const pace =
      middle === undefined ? '' : `; acknowledged within ${durationText(Number(middle.toFixed(1)))} (median)`;
    return `${counted(this.sent, 'message')} in ${took}: ${parts.join(', ')}${pace}`;
  }
}

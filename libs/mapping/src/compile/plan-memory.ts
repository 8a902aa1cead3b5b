import type { Segment } from '#hl7v2';
import type { Mapped } from '../run/mapped.js';
import { bring, partsOf } from '../run/met.js';
import { type MemoryEntry, markOf, ResourceMemory, sizeOf } from '../run/resource-memory.js';
import type { Run } from '../run/run.js';
import type { SurroundingReads } from './plan-reads.js';

/** Makes the resource of a segment, or of the value between two places. */
export interface Maker {
  fresh(run: Run, start: number, end: number): Mapped | undefined;
}

/** One for the process: running is synchronous. */
const memory = new ResourceMemory();
let planCount = 0;

/** After so many questions it is decided whether to go on asking for every text. */
const questionsMax = 64;
/** Of so many questions one must have an answer, or asking costs more than it saves. */
const fruitfulShare = 16;
/** A plan that asks in vain still asks for one text of so many: what comes may change. */
const fewShare = 8;

/** What one plan made of texts that came before. Orders and results mostly never come again: then it hardly asks. */
export class PlanMemory {
  /** Tells plans of the process apart in the memory. */
  readonly #serial = ++planCount;
  readonly #surroundings: SurroundingReads;
  readonly #fields: readonly number[] | undefined;
  readonly #isValue: boolean;
  #isFruitful = true;
  /** Decides irregularly: messages have a rhythm of their own. */
  #dice = 1;
  #questions = 0;
  #answers = 0;

  constructor(surroundings: SurroundingReads, fields: readonly number[] | undefined, isValue: boolean) {
    this.#surroundings = surroundings;
    this.#fields = fields;
    this.#isValue = isValue;
  }

  /** From memory, when equal text was mapped in equal surroundings; else anew, and into memory if it comes again. */
  recall(
    run: Run,
    start: number,
    end: number,
    segment: Segment | undefined,
    maker: Maker,
  ): Mapped | undefined {
    if (!this.#isFruitful && !this.#isChosen()) return maker.fresh(run, start, end);
    const fields = this.#fields;
    const own = segment && fields ? fieldsOf(segment, fields) : run.text.slice(start, end);
    const seed = Math.imul(this.#serial, 0x9e3779b1) ^ this.#surroundings.mark(run) ^ run.circumstances;
    const mark = seed ^ markOf(own);
    const entry = memory.find(mark, (one) => this.#isSame(run, one, own));
    const recalled = entry && bring(run, entry.made, start, this.#isValue);
    this.#note(recalled !== undefined);
    if (recalled) return recalled;
    const again = entry !== undefined || memory.wasSeen(mark);
    if (!again) return maker.fresh(run, start, end);
    const first = run.met.length;
    const failures = run.failures.length;
    const surroundings = this.#surroundings.take(run);
    const mapped = maker.fresh(run, start, end);
    if (!mapped || !surroundings || run.failures.length > failures || run.met[first]?.mapped.id !== mapped.id)
      return mapped;
    const made = partsOf(run.met, first, start, fields ? start : end);
    if (made) {
      // A text that was cut out of a message keeps all of it, once.
      const size = sizeOf(own, surroundings, made) + (run.isKept ? 0 : run.text.length);
      run.isKept = true;
      const { circumstances } = run;
      memory.keep(mark, { plan: this.#serial, circumstances, own, surroundings, made, size });
    }
    return mapped;
  }

  #isSame(run: Run, { plan, circumstances, own, surroundings }: MemoryEntry, text: string): boolean {
    return (
      plan === this.#serial &&
      circumstances === run.circumstances &&
      own === text &&
      this.#surroundings.areAs(surroundings, run)
    );
  }

  #isChosen(): boolean {
    this.#dice = (Math.imul(this.#dice, 1_103_515_245) + 12_345) | 0;
    return (this.#dice >>> 16) % fewShare === 0;
  }

  #note(isAnswered: boolean): void {
    if (isAnswered) this.#answers++;
    // One answer is enough to begin again.
    const begins = isAnswered && !this.#isFruitful;
    if (++this.#questions < questionsMax && !begins) return;
    this.#isFruitful = begins || this.#answers * fruitfulShare >= this.#questions;
    this.#questions = 0;
    this.#answers = 0;
  }
}

function fieldsOf(segment: Segment, fields: readonly number[]): string {
  let text = '';
  for (const field of fields) text += `${segment.raw(field)}\r`;
  return text;
}

import type { Database } from '#database';
import {
  assert,
  type Clock,
  formatPosition,
  isEngineError,
  type Position,
  type Random,
  systemClock,
  systemRandom,
} from '#kernel';
import { LedgerDirectory } from './ledger-directory.js';
import { LedgerLock } from './ledger-lock.js';
import {
  assignLeaves,
  type EntryRun,
  entryMissing,
  readEntries,
  recordHead,
  type WaitingStream,
  waitingStreams,
} from './ledger-tables.js';
import { recoverTree } from './recover-tree.js';
import type { SignedHead, TreeWriter } from './tree-writer.js';

export interface SequencerOptions {
  readonly database: Database;
  /** The ledger's directory (<data directory>/ledger); made when missing. */
  readonly directory: string;
  /** Names the log for ever, in its key and in every checkpoint: 'hospital.example/suture'. */
  readonly origin: string;
  /** A batch is appended when so many entries wait, ... */
  readonly batchEntries?: number;
  /** ... or so long after the first was seen. */
  readonly batchAfterMs?: number;
  /** How often it looks by itself: a lost wake-up costs no more than this. */
  readonly sweepMs?: number;
  /** How long `open` waits for another process to let go of the ledger. */
  readonly lockWaitMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** A new head is signed and durable. */
  readonly onHead?: (head: SignedHead, entries: number) => void;
  /**
   * Something is wrong. `stopped`: nothing more is appended until a person acts. Otherwise it starts again from the files
   * by itself, which is always safe; for LEDGER_ENTRY_MISSING it goes on with the other streams.
   */
  readonly onTrouble?: (error: unknown, stopped: boolean) => void;
}

const BATCH_ENTRIES = 1_000;
const BATCH_AFTER_MS = 250;
const SWEEP_MS = 250;
const LOCK_WAIT_MS = 10_000;
/** Between two attempts after trouble. */
const RETRY_AFTER_MS = 1_000;
/** While a batch fills, it is counted at most this often. */
const COUNT_EVERY_MS = 50;
const MAX_REPORTED_GAPS = 1_000;

interface OpenLedger {
  readonly lock: LedgerLock;
  readonly writer: TreeWriter;
}

/**
 * Drains ledger entries into the tree: one batch, one durable append, one checkpoint. The order of entries is committed
 * in PostgreSQL first, then come tiles, then the checkpoint. After a crash at any point `open` finishes what was
 * assigned; no entry is lost, none gets two leaves, and no two signed heads ever contradict each other.
 */
export class Sequencer {
  private readonly directory: LedgerDirectory;
  private ledger: OpenLedger | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly loop: Promise<void>;
  private closing = false;
  private stopped = false;
  private woken = false;
  private endPause: () => void = () => {};
  private readonly reported = new Set<string>();

  private constructor(
    private readonly options: SequencerOptions,
    ledger: OpenLedger,
    directory: LedgerDirectory,
  ) {
    this.directory = directory;
    this.ledger = ledger;
    this.loop = this.run();
  }

  /**
   * Takes the ledger, recovers it and starts to drain. `unavailable` LEDGER_LOCKED: another process has it, try later.
   * `misconfigured` LEDGER_...: files and database do not belong together; the message says what to do.
   */
  static async open(options: SequencerOptions): Promise<Sequencer> {
    const directory = new LedgerDirectory(options.directory);
    const ledger = await openLedger(options, directory);
    return new Sequencer(options, ledger, directory);
  }

  /** Says that entries wait. Cheap; call it as often as you like. */
  wake(): void {
    this.woken = true;
    this.endPause();
  }

  /** Appends everything that waits now, and resolves with how many entries that were. */
  async drainOnce(): Promise<number> {
    return this.inTurn(async () => {
      let drained = 0;
      for (;;) {
        const appended = await this.appendBatch();
        drained += appended;
        if (appended < this.batchEntries) return drained;
      }
    });
  }

  /** Drains what waits and lets go of the ledger. Does not fail: what could not be appended now is recovered at the next start. */
  async close(): Promise<void> {
    this.closing = true;
    this.endPause();
    await this.loop;
    if (!this.stopped) await this.drainOnce().catch((error: unknown) => this.report(error, true));
    await this.letGo();
  }

  private get batchEntries(): number {
    return this.options.batchEntries ?? BATCH_ENTRIES;
  }

  private async run(): Promise<void> {
    const { sweepMs = SWEEP_MS } = this.options;
    while (!this.closing && !this.stopped) {
      await this.pause(sweepMs);
      if (this.closing) return;
      try {
        if (await this.batchIsDue()) await this.drainOnce();
      } catch (error) {
        this.stopped = isEngineError(error, 'misconfigured');
        this.report(error, this.stopped);
        if (!this.stopped) await this.pause(RETRY_AFTER_MS);
      }
    }
  }

  /** Resolves when a batch is to be appended: it is full, or its first entry has waited long enough. */
  private async batchIsDue(): Promise<boolean> {
    const deadline = Date.now() + (this.options.batchAfterMs ?? BATCH_AFTER_MS);
    let waiting = await this.countWaiting();
    if (waiting === 0) return false;
    while (waiting < this.batchEntries && !this.closing) {
      const left = deadline - Date.now();
      if (left <= 0) break;
      this.woken = false;
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, COUNT_EVERY_MS)));
      // Only a wake-up can mean that the batch is full; without one its age decides.
      if (this.woken) waiting = await this.countWaiting();
    }
    return true;
  }

  private async countWaiting(): Promise<number> {
    const streams = await waitingStreams(this.options.database);
    return streams.reduce((sum, stream) => sum + stream.waiting, 0);
  }

  /** Appends at most one batch; after trouble the next call starts again from the files. */
  private async appendBatch(): Promise<number> {
    this.ledger ??= await openLedger({ ...this.options, lockWaitMs: 0 }, this.directory);
    const { lock, writer } = this.ledger;
    try {
      const { database, clock = systemClock } = this.options;
      const shares = shareOut(await waitingStreams(database), this.batchEntries);
      const runs = await readEntries(database, shares);
      this.reportGaps(shares, runs);
      if (runs.length === 0) return 0;
      lock.assertHeld();
      let firstIndex = writer.head.size;
      const ranges = runs.map(({ lane, partition, firstSeq, entries }) => {
        const range = { firstIndex, lane, partition, firstSeq, count: entries.length };
        firstIndex += entries.length;
        return range;
      });
      await assignLeaves(database, ranges);
      const entries = runs.flatMap((run) => run.entries);
      const head = await writer.append(entries);
      assert(head.size === firstIndex, 'LEDGER_SIZE_DISAGREES');
      await recordHead(database, head, clock.nowMs());
      this.options.onHead?.(head, entries.length);
      return entries.length;
    } catch (error) {
      await this.letGo();
      throw error;
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => {}); // whoever waits for this turn gets the error; the next turn does not
    return mine;
  }

  private async letGo(): Promise<void> {
    const ledger = this.ledger;
    this.ledger = undefined;
    await ledger?.lock.release();
  }

  /** Resolves after `ms`, or at once when woken or closed. */
  private async pause(ms: number): Promise<void> {
    if (this.woken || this.closing) {
      this.woken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = () => {};
    this.woken = false;
  }

  /** Every message up to its stream's cursor has an entry; where one is missing, its stream stands still. */
  private reportGaps(shares: readonly Share[], runs: readonly EntryRun[]): void {
    const found = new Map(runs.map((run) => [`${run.lane}-${run.partition}`, run.entries.length]));
    for (const { lane, partition, seq, take } of shares) {
      const entries = found.get(`${lane}-${partition}`) ?? 0;
      if (entries === take) continue;
      const missing = { lane, partition, seq: seq + entries };
      if (this.reported.has(formatPosition(missing)) || this.reported.size >= MAX_REPORTED_GAPS) continue;
      this.reported.add(formatPosition(missing));
      this.report(entryMissing(missing), false);
    }
  }

  private report(error: unknown, stopped: boolean): void {
    this.options.onTrouble?.(error, stopped);
  }
}

async function openLedger(options: SequencerOptions, directory: LedgerDirectory): Promise<OpenLedger> {
  const { database, origin, lockWaitMs = LOCK_WAIT_MS, clock = systemClock, random = systemRandom } = options;
  const lock = await LedgerLock.take(database, lockWaitMs);
  try {
    await directory.own(random);
    const writer = await recoverTree({ database, directory, origin, clock });
    return { lock, writer };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type Share = Position & { readonly take: number };

/**
 * Fills a batch from all streams (shortest queue first) in proportion to what waits in each, at least one entry, so that
 * none waits for another to run dry.
 */
function shareOut(streams: readonly WaitingStream[], batchEntries: number): Share[] {
  const total = streams.reduce((sum, stream) => sum + stream.waiting, 0);
  let left = Math.min(total, batchEntries);
  const part = left / total;
  const shares: Share[] = [];
  for (const { lane, partition, after, waiting } of streams) {
    const take = Math.min(left, waiting, Math.ceil(waiting * part));
    if (take === 0) break;
    left -= take;
    shares.push({ lane, partition, seq: after + 1, take });
  }
  return shares;
}

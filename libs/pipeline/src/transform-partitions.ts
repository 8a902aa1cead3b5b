import type { Database, Query } from '#database';
import { type PackKeeper, RecentPacks, type StoredMessage } from '#delivery';
import {
  type JournaledMessage,
  journalKind,
  lockPartitions,
  lockPartitionsBehind,
  moveCursors,
  partitionsBehind,
  readCursors,
  readMessage,
  readWaiting,
} from '#journal';
import { assert, Breath, isEngineError, type Position } from '#kernel';
import { chainKey, type EntryChains, type MessageOutcome, type MessageWriter, messageState } from '#store';
import type { Router } from './route-message.js';
import { type TransformContext, transformMessage } from './transform-message.js';

/** Messages in one transaction: enough to share its cost, few enough that the next reader does not wait long. */
const MAX_MESSAGES = 256;
/** Partitions in one transaction: shares its cost under load, leaves some to other processes. */
const MAX_PARTITIONS = 32;
/** A transaction that met another one is run again at once, this often; then the sweeper tries it. */
const MAX_CONFLICTS = 20;
/** After a transaction met another one at a shared resource, so many of this process store one after the other. */
const TURNS_AFTER_CONFLICT = 256;

export interface TransformResult {
  /** Messages that now have an outcome. */
  readonly messages: number;
  readonly dead: number;
  readonly deliveries: number;
}

/** Every `of`-th partition, from `index` (0-based) on. */
interface PartitionShare {
  readonly index: number;
  readonly of: number;
}

/** Which partitions a run may take: those named, or those of a share that are behind. */
type Among = readonly number[] | PartitionShare;

const EVERYWHERE: PartitionShare = { index: 0, of: 1 };

/** Why a message that cannot be stored is dead. */
interface Burial {
  readonly code: string;
  readonly reason: string;
}

const NOTHING: TransformResult = { messages: 0, dead: 0, deliveries: 0 };

/** What a transaction came to, if it commits. */
interface Stored {
  readonly result: TransformResult;
  /** Of the messages that are to be delivered. */
  readonly packs: readonly StoredMessage[];
}

/** A transaction at work. */
interface Work {
  readonly tx: Query;
  /** Resolves when it may store; called once. */
  readonly turn: () => Promise<void>;
}

const NOTHING_STORED: Stored = { result: NOTHING, packs: [] };

/**
 * The transformer of journal partitions. Everything about a message that it writes is in one transaction with the cursor:
 * after a crash a message has its whole outcome or none, and the next worker makes the same one.
 */
export class TransformPartitions {
  private readonly breath = new Breath();
  /** Settles when the transaction that stores, or waits to store, last has ended. */
  private stored: Promise<void> = Promise.resolve();
  private turnsLeft = 0;

  constructor(
    private readonly database: Database,
    private readonly writer: MessageWriter,
    private readonly context: TransformContext,
    private readonly router: Router,
    private readonly keeper: PackKeeper = new RecentPacks(),
  ) {}

  /**
   * Transforms what waits among these partitions (default: all), as far as no other worker holds it, in one transaction of
   * bounded size. Call again until `messages` is 0. May be called again before it has resolved.
   */
  async run(among: Among = EVERYWHERE): Promise<TransformResult> {
    return this.attempt(among, MAX_MESSAGES);
  }

  private async attempt(among: Among, limit: number): Promise<TransformResult> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const { result, twins } = await this.committed((work) => this.once(work, among, limit));
        return await this.withTwins(result, twins);
      } catch (error) {
        if (isEngineError(error, 'unavailable')) {
          if (error.code !== 'DATABASE_CONFLICT' || conflicts === MAX_CONFLICTS) throw error;
          this.turnsLeft = TURNS_AFTER_CONFLICT;
          continue;
        }
        return this.isolate(isNamed(among) ? among : await this.partitionsBehind(among), limit, error);
      }
    }
  }

  /** Narrows a failure down to the one message that causes it, which then is dead; all others get through. */
  private async isolate(
    partitions: readonly number[],
    limit: number,
    error: unknown,
  ): Promise<TransformResult> {
    if (partitions.length === 1 && limit === 1) {
      return (await this.committed((work) => this.once(work, partitions, 1, burialOf(error)))).result;
    }
    const results: TransformResult[] = [];
    for (const partition of partitions) {
      results.push(await this.attempt([partition], partitions.length > 1 ? limit : Math.ceil(limit / 4)));
    }
    return total(results);
  }

  /**
   * Runs a transaction; the keeper is told what it stored when it has committed and not before. Several may be at work at the
   * same time. Where they meet at shared resources, one would do its work for nothing: then they still read and map at the same
   * time, but each stores, from its `turn` until its end, when the one before has ended.
   */
  private async committed<Outcome extends Stored>(body: (work: Work) => Promise<Outcome>): Promise<Outcome> {
    let end = (): void => {};
    const turn = (): Promise<void> => {
      const before = this.turnsLeft > 0 ? this.stored : undefined;
      if (this.turnsLeft > 0) this.turnsLeft--;
      this.stored = new Promise((done) => {
        end = done;
      });
      return before ?? Promise.resolve();
    };
    try {
      const outcome = await this.database.transaction((tx) => body({ tx, turn }));
      this.keeper.remember(outcome.packs);
      return outcome;
    } finally {
      end();
    }
  }

  private async partitionsBehind({ index, of }: PartitionShare): Promise<number[]> {
    const behind = (await partitionsBehind(this.database)).map(({ partition }) => partition);
    return [...new Set(behind.filter((partition) => partition % of === index))];
  }

  private async once(
    { tx, turn }: Work,
    among: Among,
    limit: number,
    bury?: Burial,
  ): Promise<Stored & { twins: JournaledMessage[] }> {
    const mine = await (isNamed(among)
      ? lockPartitions(tx, among)
      : lockPartitionsBehind(tx, among, MAX_PARTITIONS));
    if (mine.length === 0) return { ...NOTHING_STORED, twins: [] };
    const behind = (await readCursors(tx, mine)).filter((cursor) => cursor.head > cursor.seq);
    if (behind.length === 0) return { ...NOTHING_STORED, twins: [] };
    const messages: JournaledMessage[] = [];
    const twins = new Map<string, JournaledMessage>();
    for (const message of await readWaiting(tx, behind, limit)) {
      const chain = chainKey(message.position);
      if (twins.has(chain)) continue; // its stream stands still before a message of two patients
      if (isTwin(message)) twins.set(chain, message);
      else messages.push(message);
    }
    // A twin runs when it is the first of its stream; one with messages before it is met again on the next round.
    const first = [...twins].filter(
      ([chain]) => !messages.some((message) => chainKey(message.position) === chain),
    );
    const due = first.map(([, twin]) => twin);
    if (messages.length === 0) return { ...NOTHING_STORED, twins: due };
    return { ...(await this.store({ tx, turn }, messages, behind, bury)), twins: due };
  }

  private async store(
    { tx, turn }: Work,
    messages: readonly JournaledMessage[],
    cursors: readonly (Position & { readonly entryHash: Buffer })[],
    bury?: Burial,
  ): Promise<Stored> {
    const made: MessageOutcome[] = [];
    for (const message of messages) {
      made.push(transformMessage(message, this.context));
      await this.breath.take();
    }
    const outcomes = bury ? made.map((outcome) => buried(outcome, bury)) : made;
    await turn();
    const chains: EntryChains = new Map(cursors.map((cursor) => [chainKey(cursor), cursor.entryHash]));
    const route = await this.router.forTransaction(tx);
    const last = new Map(outcomes.map((outcome) => [chainKey(outcome.position), outcome.position]));
    const written = await this.writer.write(tx, outcomes, chains, route, {
      withPacks: (moved) =>
        moveCursors(
          tx,
          [...last].map(([chain, position]) => {
            const entryHash = moved.get(chain);
            assert(entryHash !== undefined, 'TRANSFORM_CHAIN_LOST');
            return { ...position, entryHash };
          }),
        ),
    });
    const dead = outcomes.filter((message) => message.state === messageState.dead).length;
    return {
      result: { messages: outcomes.length, dead, deliveries: written.deliveries },
      packs: written.packs,
    };
  }

  private async withTwins(
    result: TransformResult,
    twins: readonly JournaledMessage[],
  ): Promise<TransformResult> {
    const results = [result];
    for (const message of twins) results.push(await this.runTwinOrBury(message));
    return total(results);
  }

  private async runTwinOrBury(message: JournaledMessage): Promise<TransformResult> {
    try {
      return await this.runTwin(message);
    } catch (error) {
      if (isEngineError(error, 'unavailable')) throw error;
      return this.runTwin(message, burialOf(error));
    }
  }

  /**
   * A message of two patients runs when the cursors of both partitions stand right before it, under both locks, so that
   * neither patient's record is written out of order. Until then both partitions stand still, and whichever worker brings
   * the later one here runs it.
   */
  private async runTwin(found: JournaledMessage, bury?: Burial): Promise<TransformResult> {
    const { result } = await this.committed(async ({ tx, turn }) => {
      const partner = found.refers && (await readMessage(tx, found.refers));
      assert(partner !== undefined, 'TWIN_PARTNER_MISSING');
      const pair = [found, partner];
      const partitions = pair.map((message) => message.position.partition);
      if ((await lockPartitions(tx, partitions)).length < pair.length) return NOTHING_STORED;
      const cursors = await readCursors(tx, partitions);
      const standing = pair.map((message) =>
        cursors.find(
          (cursor) =>
            chainKey(cursor) === chainKey(message.position) && cursor.seq === message.position.seq - 1,
        ),
      );
      if (!standing.every((cursor) => cursor !== undefined)) return NOTHING_STORED;
      return this.store({ tx, turn }, pair, standing, bury);
    });
    return result;
  }
}

function isNamed(among: Among): among is readonly number[] {
  return Array.isArray(among);
}

function burialOf(error: unknown): Burial {
  const code = isEngineError(error) ? error.code : 'TRANSFORM_FAILED';
  return { code, reason: 'storing its resources failed; the engine log names the cause' };
}

function isTwin(message: JournaledMessage): boolean {
  return (
    message.kind === journalKind.twin ||
    (message.kind === journalKind.message && message.refers !== undefined)
  );
}

function buried(outcome: MessageOutcome, { code, reason }: Burial): MessageOutcome {
  return { ...outcome, state: messageState.dead, code, reason, resources: [] };
}

function total(results: readonly TransformResult[]): TransformResult {
  const sum = (pick: (result: TransformResult) => number) =>
    results.reduce((n, result) => n + pick(result), 0);
  return { messages: sum((r) => r.messages), dead: sum((r) => r.dead), deliveries: sum((r) => r.deliveries) };
}

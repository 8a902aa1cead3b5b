import type { Database, Query } from '#database';
import {
  type Cursor,
  type JournaledMessage,
  journalKind,
  lockPartitions,
  moveCursors,
  readAfter,
  readCursors,
  readMessage,
} from '#journal';
import { assert, isEngineError, type Position } from '#kernel';
import { type MessageOutcome, type MessageWriter, messageState, type OutcomeStream } from '#store';
import type { Router } from './route-message.js';
import { type TransformContext, transformMessage } from './transform-message.js';

/** Messages in one transaction: enough to share its cost, few enough that the next reader does not wait long. */
const MAX_MESSAGES = 256;
/** A transaction that met another one is run again at once, this often; then the sweeper tries it. */
const MAX_CONFLICTS = 20;

interface Stream {
  readonly cursor: Cursor;
  readonly messages: readonly JournaledMessage[];
}

export interface TransformResult {
  /** Messages that now have an outcome. */
  readonly messages: number;
  readonly dead: number;
  readonly deliveries: number;
}

const NOTHING: TransformResult = { messages: 0, dead: 0, deliveries: 0 };

/**
 * The transformer of journal partitions. Everything about a message that it writes is in one transaction with the cursor:
 * after a crash a message has its whole outcome or none, and the next worker makes the same one.
 */
export class TransformPartitions {
  constructor(
    private readonly database: Database,
    private readonly writer: MessageWriter,
    private readonly context: TransformContext,
    private readonly router: Router,
  ) {}

  /**
   * Transforms what waits in the partitions, as far as no other worker holds them, in one transaction of bounded size. Call
   * again until `messages` is 0.
   */
  async run(partitions: readonly number[]): Promise<TransformResult> {
    return this.attempt(partitions, MAX_MESSAGES);
  }

  private async attempt(partitions: readonly number[], limit: number): Promise<TransformResult> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const { result, twins } = await this.database.transaction((tx) => this.once(tx, partitions, limit));
        return await this.withTwins(result, twins);
      } catch (error) {
        if (isEngineError(error, 'unavailable')) {
          if (error.code === 'DATABASE_CONFLICT' && conflicts < MAX_CONFLICTS) continue;
          throw error;
        }
        return this.isolate(partitions, limit, error);
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
      const code = isEngineError(error) ? error.code : 'TRANSFORM_FAILED';
      const reason = 'storing its resources failed; the engine log names the cause';
      return this.database.transaction(async (tx) => {
        const { result } = await this.once(tx, partitions, 1, { code, reason });
        return result;
      });
    }
    const results: TransformResult[] = [];
    for (const partition of partitions) {
      results.push(await this.attempt([partition], partitions.length > 1 ? limit : Math.ceil(limit / 4)));
    }
    return total(results);
  }

  private async once(
    tx: Query,
    partitions: readonly number[],
    limit: number,
    bury?: { code: string; reason: string },
  ): Promise<{ result: TransformResult; twins: JournaledMessage[] }> {
    const mine = await lockPartitions(tx, partitions);
    const behind = (await readCursors(tx, mine)).filter((cursor) => cursor.head > cursor.seq);
    if (behind.length === 0) return { result: NOTHING, twins: [] };
    const read = await readAfter(tx, behind, limit);
    const streams: Stream[] = [];
    const twins: JournaledMessage[] = [];
    for (const cursor of behind) {
      const next = read.filter(({ position }) => isIn(position, cursor));
      const first = next.findIndex(isTwin);
      const messages = first < 0 ? next : next.slice(0, first);
      const twin = first === 0 ? next[0] : undefined;
      if (twin) twins.push(twin);
      if (messages.length > 0) streams.push({ cursor, messages });
    }
    if (streams.length === 0) return { result: NOTHING, twins };
    return { result: await this.store(tx, streams, bury), twins };
  }

  private async store(
    tx: Query,
    streams: readonly Stream[],
    bury?: { code: string; reason: string },
  ): Promise<TransformResult> {
    const outcomes = streams.map(({ cursor, messages }): OutcomeStream => {
      const made = messages.map((message) => transformMessage(message, this.context));
      return {
        entryHash: cursor.entryHash,
        messages: bury ? made.map((outcome) => buried(outcome, bury)) : made,
      };
    });
    const route = await this.router.forTransaction(tx);
    const written = await this.writer.write(tx, outcomes, route);
    const places = outcomes.map((stream, index) => {
      const last = stream.messages.at(-1);
      const entryHash = written.entryHashes[index];
      assert(last !== undefined && entryHash !== undefined, 'TRANSFORM_STREAM_EMPTY');
      return { ...last.position, entryHash };
    });
    await moveCursors(tx, places);
    const messages = outcomes.flatMap((stream) => stream.messages);
    const dead = messages.filter((message) => message.state === messageState.dead).length;
    return { messages: messages.length, dead, deliveries: written.deliveries };
  }

  private async withTwins(
    result: TransformResult,
    twins: readonly JournaledMessage[],
  ): Promise<TransformResult> {
    const results = [result];
    for (const message of twins) results.push(await this.runTwin(message));
    return total(results);
  }

  /**
   * A message of two patients runs when the cursors of both partitions stand right before it, under both locks, so that
   * neither patient's record is written out of order. Until then both partitions stand still, and whichever worker brings
   * the later one here runs it.
   */
  private async runTwin(found: JournaledMessage): Promise<TransformResult> {
    return this.database.transaction(async (tx) => {
      const partner = found.refers && (await readMessage(tx, found.refers));
      assert(partner !== undefined, 'TWIN_PARTNER_MISSING');
      const pair = [found, partner];
      const partitions = pair.map((message) => message.position.partition);
      if ((await lockPartitions(tx, partitions)).length < pair.length) return NOTHING;
      const cursors = await readCursors(tx, partitions);
      const streams = pair.map((message): Stream | undefined => {
        const cursor = cursors.find((candidate) => isIn(message.position, candidate));
        return cursor?.seq === message.position.seq - 1 ? { cursor, messages: [message] } : undefined;
      });
      if (!streams.every((stream) => stream !== undefined)) return NOTHING;
      return this.store(tx, streams);
    });
  }
}

function isIn(position: Position, cursor: Cursor): boolean {
  return position.lane === cursor.lane && position.partition === cursor.partition;
}

function isTwin(message: JournaledMessage): boolean {
  return (
    message.kind === journalKind.twin ||
    (message.kind === journalKind.message && message.refers !== undefined)
  );
}

function buried(outcome: MessageOutcome, { code, reason }: { code: string; reason: string }): MessageOutcome {
  return { ...outcome, state: messageState.dead, code, reason, resources: [] };
}

function total(results: readonly TransformResult[]): TransformResult {
  const sum = (pick: (result: TransformResult) => number) =>
    results.reduce((n, result) => n + pick(result), 0);
  return { messages: sum((r) => r.messages), dead: sum((r) => r.dead), deliveries: sum((r) => r.deliveries) };
}

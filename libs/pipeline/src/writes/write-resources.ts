import { setTimeout as delay } from 'node:timers/promises';
import { type Database, GroupCommit, type Query } from '#database';
import { journalKind, moveCursors, partitionOf, WriteLane } from '#journal';
import { assert, EngineError, isEngineError, type Random } from '#kernel';
import {
  chainKey,
  digestOfMapping,
  type EntryChains,
  type MessageOutcome,
  type MessageWriter,
  messageState,
} from '#store';
import type { Router } from '../route-message.js';
import { planWrites } from './plan-writes.js';
import type { PlannedWrite, ResourceWrite, WriteAnswer } from './resource-write.js';
import { answerOf } from './write-answer.js';
import {
  type GroupResult,
  groupsOf,
  isGroupable,
  settled,
  type WriteCall,
  type WriteSource,
} from './write-groups.js';

/** The channel that the journal names for writes through the FHIR API. */
const WRITE_CHANNEL = 'fhir-api';
/** Two that write the same resource at the same moment: one is run again, this often, after a pause of up to so long. */
const MAX_CONFLICTS = 60;
const MAX_PAUSE_MS = 40;
/** Most resources of one transaction. */
const MAX_WRITES = 10_000;

interface WriterFacts {
  readonly tenant: string;
  readonly engineVersion: string;
  readonly random: Random;
  readonly clock: { nowMs(): number };
  /** Told after each commit; `deliveries`: how many it made. */
  readonly onWritten: (deliveries: number) => void;
}

interface CallPlan {
  readonly source: WriteSource;
  readonly planned: readonly PlannedWrite[];
}

interface Appended {
  readonly messages: readonly MessageOutcome[];
  readonly byPlan: ReadonlyMap<CallPlan, MessageOutcome>;
  readonly chains: EntryChains;
}

/**
 * Writes through the FHIR API. All of one call is in one transaction: journal, pack, pointers, search rows, ledger entry, numbers
 * of deliveries and cursor; it is there for the next request, or not at all. Conditions are race-free: who asks the same
 * question waits for the other's answer.
 */
export class WriteResources {
  private lane: WriteLane | undefined;
  /** Calls that come while a transaction of theirs is under way go together into the next. */
  private readonly singles = new GroupCommit<WriteCall, GroupResult>((calls) => this.group(calls));

  constructor(
    private readonly database: Database,
    private readonly writer: MessageWriter,
    private readonly router: Router,
    private readonly facts: WriterFacts,
  ) {}

  /**
   * The answers in the order of `writes`. Throws `rejected`: RESOURCE_UNKNOWN, RESOURCE_DELETED (nothing to patch),
   * RESOURCE_VERSION_CONFLICT, RESOURCE_EXISTS, CONDITION_AMBIGUOUS, REFERENCE_UNRESOLVED, RESOURCE_ID_MISMATCH,
   * TRANSACTION_INVALID, INTERACTION_NOT_SUPPORTED (a Subscription), and what a search throws; then nothing was written.
   */
  async run(writes: readonly ResourceWrite[], source: WriteSource): Promise<WriteAnswer[]> {
    if (writes.length > MAX_WRITES) {
      throw new EngineError(
        'rejected',
        'TRANSACTION_INVALID',
        `a transaction has at most ${MAX_WRITES} entries that write`,
      );
    }
    // Stored as a resource it would look filed, and nobody would hear of anything.
    if (writes.some(({ type }) => type === 'Subscription')) {
      throw new EngineError(
        'rejected',
        'INTERACTION_NOT_SUPPORTED',
        'a subscription is filed by POST at Subscription or PUT at Subscription/id',
      );
    }
    this.lane ??= await WriteLane.open(this.database, WRITE_CHANNEL);
    const call = { writes, source };
    if (!isGroupable(writes) || source.alongside) return this.alone(this.lane, call);
    const result = await this.singles.add(call);
    if ('error' in result) throw result.error;
    return result.answers;
  }

  /** Calls of one write each: as many as can be in one transaction; where one of them fails there, each by itself. */
  private async group(calls: readonly WriteCall[]): Promise<GroupResult[]> {
    const { lane } = this;
    assert(lane !== undefined, 'WRITE_LANE_CLOSED');
    const results: GroupResult[] = [];
    for (const together of groupsOf(calls)) {
      const made = await this.together(lane, together);
      results.push(...(made ?? (await Promise.all(together.map((call) => settled(this.alone(lane, call)))))));
    }
    return results;
  }

  /** undefined: nothing was written; each is to be tried by itself. */
  private async together(
    lane: WriteLane,
    calls: readonly WriteCall[],
  ): Promise<readonly GroupResult[] | undefined> {
    if (calls.length === 1) return undefined;
    try {
      return (await this.transaction(lane, calls)).map((answers) => ({ answers }));
    } catch (error) {
      // A database that is gone may have committed: what was written must not be written again.
      const isGone =
        isEngineError(error) && error.kind === 'unavailable' && error.code !== 'DATABASE_CONFLICT';
      return isGone ? calls.map(() => ({ error })) : undefined;
    }
  }

  private async alone(lane: WriteLane, call: WriteCall): Promise<WriteAnswer[]> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const [answers = []] = await this.transaction(lane, [call]);
        return answers;
      } catch (error) {
        if (!isEngineError(error) || error.code !== 'DATABASE_CONFLICT' || conflicts === MAX_CONFLICTS)
          throw error;
        const [dice = 0] = this.facts.random.bytes(1);
        await delay((dice / 256) * Math.min(MAX_PAUSE_MS, 2 * (conflicts + 1)));
      }
    }
  }

  /** The answers to each call. */
  private async transaction(lane: WriteLane, calls: readonly WriteCall[]): Promise<WriteAnswer[][]> {
    const { answers, deliveries } = await this.database.transaction(async (tx) => {
      const done = await this.once(tx, lane, calls);
      for (const { source } of calls) await source.alongside?.(tx);
      return done;
    });
    if (answers.some((ones) => ones.some(({ version }) => version !== undefined)))
      this.facts.onWritten(deliveries);
    return answers;
  }

  private async once(
    tx: Query,
    lane: WriteLane,
    calls: readonly WriteCall[],
  ): Promise<{ answers: WriteAnswer[][]; deliveries: number }> {
    const plans: CallPlan[] = [];
    for (const call of calls)
      plans.push({ source: call.source, planned: await planWrites(tx, call, this.facts.random) });
    const named = plans.flatMap(({ planned }) => planned.filter(({ does }) => does !== 'nothing'));
    if (named.length === 0) {
      const answers = plans.map(({ planned }) => planned.map((one) => answerOf(one, undefined, undefined)));
      return { answers, deliveries: 0 };
    }
    // In this order: what is there is read under the lock of the partitions. All of it is one round trip.
    const appending = this.append(tx, lane, plans);
    const routing = this.router.forTransaction(tx);
    const current = this.writer.current(tx, named);
    const [outcomes, route] = await Promise.all([appending, routing, current]);
    const last = new Map(outcomes.messages.map(({ position }) => [chainKey(position), position]));
    const written = await this.writer.write(tx, outcomes.messages, outcomes.chains, route, {
      current,
      withPacks: (moved) =>
        moveCursors(
          tx,
          [...last].map(([chain, position]) => {
            const entryHash = moved.get(chain);
            assert(entryHash !== undefined, 'WRITE_CHAIN_LOST');
            return { ...position, entryHash };
          }),
        ),
    });
    const stored = new Map(outcomes.messages.map((message, index) => [message, written.stored[index]]));
    const answers = plans.map((plan) => {
      const message = outcomes.byPlan.get(plan);
      const byKey = new Map((message && stored.get(message))?.map((one) => [one.key, one]));
      return plan.planned.map((one) => answerOf(one, byKey.get(one.key), written.deleted.get(one.key)));
    });
    return { answers, deliveries: written.deliveries };
  }

  /** Journals each call that writes something. */
  private async append(tx: Query, lane: WriteLane, plans: readonly CallPlan[]): Promise<Appended> {
    const receivedAtMs = this.facts.clock.nowMs();
    const writing = plans.flatMap((plan) => {
      const first = plan.planned.find(({ does }) => does !== 'nothing');
      return first === undefined
        ? []
        : [{ plan, partition: partitionOf(this.facts.tenant, ownerOf(first)), raw: plan.source.raw }];
    });
    const { positions, entryHashes } = await lane.append(
      tx,
      writing.map(({ partition, raw }) => ({ partition, receivedAtMs, raw })),
    );
    const byPlan = new Map<CallPlan, MessageOutcome>();
    const chains: EntryChains = new Map();
    for (const [index, { plan, partition }] of writing.entries()) {
      const position = positions[index];
      const entryHash = entryHashes.get(partition);
      assert(position !== undefined && entryHash !== undefined, 'WRITE_NOT_JOURNALED');
      chains.set(chainKey(position), entryHash);
      byPlan.set(plan, this.outcomeOf(plan, { position, receivedAtMs, channel: lane.channel }));
    }
    return { messages: [...byPlan.values()], byPlan, chains };
  }

  private outcomeOf(
    { planned, source }: CallPlan,
    at: Pick<MessageOutcome, 'position' | 'receivedAtMs' | 'channel'>,
  ): MessageOutcome {
    return {
      ...at,
      kind: journalKind.fhirWrite,
      channelName: WRITE_CHANNEL,
      state: messageState.transformed,
      raw: source.raw,
      mapping: digestOfMapping(this.facts.engineVersion, WRITE_CHANNEL),
      resources: planned.flatMap(({ does, type, id, key, resource }) =>
        does === 'put' && resource ? [{ type, id, key, merge: 'snapshot', resource, removals: [] }] : [],
      ),
      deletions: planned.filter(({ does }) => does === 'delete'),
      hasProvenance: false,
    };
  }
}

/** Whose record it is, else what it is: writes of one owner are delivered in their order. */
function ownerOf({ type, key, resource }: PlannedWrite): string {
  if (type === 'Patient' || !resource) return key;
  for (const name of ['subject', 'patient', 'beneficiary']) {
    const target = resource[name];
    const reference =
      typeof target === 'object' && target !== null && 'reference' in target
        ? target['reference']
        : undefined;
    if (typeof reference === 'string' && reference.startsWith('Patient/')) return reference;
  }
  return key;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Query } from '#database';
import { spliceMeta, writeJson } from '#fhir';
import { moveCursors, partitionOf, WriteLane } from '#journal';
import { assert, EngineError, isEngineError, type Random } from '#kernel';
import {
  chainKey,
  digestOfMapping,
  type MessageOutcome,
  type MessageWriter,
  messageState,
  type StoredResource,
} from '#store';
import type { Router } from '../route-message.js';
import { type PlannedWrite, planWrites } from './plan-writes.js';
import type { ResourceWrite, WriteAnswer } from './resource-write.js';

/** The channel that the journal names for writes through the FHIR API. */
const WRITE_CHANNEL = 'fhir-api';
const WRITE_KIND = 3;
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

interface WriteSource {
  /** What the client sent: what the journal keeps and the ledger commits to. */
  readonly raw: Buffer;
  /** The address under which the client reached this server. */
  readonly ownUrl: string | undefined;
}

/**
 * Writes through the FHIR API. All of one call is one transaction: journal, pack, pointers, search rows, ledger entry, numbers
 * of deliveries and cursor; it is there for the next request, or not at all. Conditions are race-free: who asks the same
 * question waits for the other's answer.
 */
export class WriteResources {
  private lane: WriteLane | undefined;

  constructor(
    private readonly database: Database,
    private readonly writer: MessageWriter,
    private readonly router: Router,
    private readonly facts: WriterFacts,
  ) {}

  /**
   * The answers in the order of `writes`. Throws `rejected`: RESOURCE_UNKNOWN, RESOURCE_DELETED (nothing to patch),
   * RESOURCE_VERSION_CONFLICT, RESOURCE_EXISTS, CONDITION_AMBIGUOUS, REFERENCE_UNRESOLVED, RESOURCE_ID_MISMATCH,
   * TRANSACTION_INVALID, and what a search throws; then nothing was written.
   */
  async run(writes: readonly ResourceWrite[], source: WriteSource): Promise<WriteAnswer[]> {
    if (writes.length > MAX_WRITES) {
      throw new EngineError(
        'rejected',
        'TRANSACTION_INVALID',
        `a transaction has at most ${MAX_WRITES} entries that write`,
      );
    }
    this.lane ??= await WriteLane.open(this.database, WRITE_CHANNEL);
    const { lane } = this;
    for (let conflicts = 0; ; conflicts++) {
      try {
        const { answers, deliveries } = await this.database.transaction((tx) =>
          this.once(tx, lane, writes, source),
        );
        if (answers.some(({ version }) => version !== undefined)) this.facts.onWritten(deliveries);
        return answers;
      } catch (error) {
        if (!isEngineError(error) || error.code !== 'DATABASE_CONFLICT' || conflicts === MAX_CONFLICTS)
          throw error;
        const [dice = 0] = this.facts.random.bytes(1);
        await delay((dice / 256) * Math.min(MAX_PAUSE_MS, 2 * (conflicts + 1)));
      }
    }
  }

  private async once(
    tx: Query,
    lane: WriteLane,
    writes: readonly ResourceWrite[],
    { raw, ownUrl }: WriteSource,
  ): Promise<{ answers: WriteAnswer[]; deliveries: number }> {
    const planned = await planWrites(tx, writes, ownUrl, this.facts.random);
    const [first] = planned.filter(({ does }) => does !== 'nothing');
    if (first === undefined)
      return { answers: planned.map((one) => answerOf(one, undefined, undefined)), deliveries: 0 };
    const receivedAtMs = this.facts.clock.nowMs();
    const partition = partitionOf(this.facts.tenant, ownerOf(first));
    const { position, entryHash } = await lane.append(tx, { partition, receivedAtMs, raw });
    const outcome: MessageOutcome = {
      position,
      kind: WRITE_KIND,
      channel: lane.channel,
      channelName: WRITE_CHANNEL,
      receivedAtMs,
      state: messageState.transformed,
      raw,
      mapping: digestOfMapping(this.facts.engineVersion, WRITE_CHANNEL),
      resources: planned.flatMap(({ does, type, id, key, resource }) =>
        does === 'put' && resource ? [{ type, id, key, merge: 'snapshot', resource, removals: [] }] : [],
      ),
      deletions: planned.filter(({ does }) => does === 'delete'),
      hasProvenance: false,
    };
    const route = await this.router.forTransaction(tx);
    let stored: readonly StoredResource[] = [];
    const chain = chainKey(position);
    const written = await this.writer.write(tx, [outcome], new Map([[chain, entryHash]]), (message, made) => {
      stored = made;
      return route(message, made);
    });
    const last = written.chains.get(chain);
    assert(last !== undefined, 'WRITE_CHAIN_LOST');
    await moveCursors(tx, [{ ...position, entryHash: last }]);
    const byKey = new Map(stored.map((one) => [one.key, one]));
    const answers = planned.map((one) => answerOf(one, byKey.get(one.key), written.deleted.get(one.key)));
    return { answers, deliveries: written.deliveries };
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

/** What is answered; throws when another version was current than the client said. */
function answerOf(
  { type, does, ifMatch, onlyNew, current }: PlannedWrite,
  stored: StoredResource | undefined,
  deleted: number | undefined,
): WriteAnswer {
  if (does === 'nothing') {
    if (current === undefined || current.deleted) return { status: 204, version: undefined };
    const { version, lastUpdatedMs, text } = current;
    return { status: 200, type, id: current.id, version, lastUpdatedMs, text };
  }
  if (does === 'delete') {
    if (ifMatch !== undefined && deleted !== ifMatch + 1) throw otherVersion();
    return { status: 204, version: deleted };
  }
  assert(stored !== undefined, 'WRITE_NOT_STORED');
  const { version, lastUpdatedMs, changed, created } = stored;
  // Between the plan and the write another one may have come; what was patched must be what is replaced.
  if (current !== undefined && version - Number(changed) !== current.version)
    throw new EngineError('unavailable', 'DATABASE_CONFLICT', 'another write came first');
  if (ifMatch !== undefined && (created || version - Number(changed) !== ifMatch)) throw otherVersion();
  if (onlyNew && !created) throw exists();
  const lastUpdated = new Date(lastUpdatedMs).toISOString();
  const text = spliceMeta(writeJson(stored.content), { versionId: version, lastUpdated });
  return { status: created ? 201 : 200, type, id: stored.id, version, lastUpdatedMs, text };
}

function otherVersion(): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_VERSION_CONFLICT',
    'another version is current than If-Match says; read it, and write again',
    { cause: { at: 'http.If-Match' } },
  );
}

function exists(): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_EXISTS',
    'there is such a resource, and If-None-Match says *',
    {
      cause: { at: 'http.If-None-Match' },
    },
  );
}

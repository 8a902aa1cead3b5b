import { hash } from 'node:crypto';
import type { Query } from '#database';
import { type FhirObject, writeJson } from '#fhir';
import { assert, Breath, hash64, type Position, type Random } from '#kernel';
import { type MappedResource, mergeUpdate } from '#mapping';
import type { Changes } from './changes.js';
import { ContentCache, type CurrentResource, readCurrent, resourceKey } from './current-resources.js';
import { commitment, encodeLedgerEntry, ledgerEntryHash } from './ledger-entry.js';
import { type MessageOutcome, messageState, type Route, type StoredResource } from './message-outcome.js';
import { deflatePack, plainPack } from './pack-bytes.js';
import { provenanceOf } from './provenance.js';
import { searchHashes } from './search-hashes.js';
import {
  insertDeadLetters,
  insertDeliveries,
  insertPacks,
  type PackRow,
  type RoutedMessage,
} from './write-packs.js';
import { writePointers } from './write-pointers.js';

/** Bytes of a content digest: enough that equal digests mean equal content, short enough for every row. */
const DIGEST_BYTES = 16;
const SALT_BYTES = 16;

/** Hash of the last ledger entry of each (lane, partition), by `chainKey`. */
export type EntryChains = Map<string, Buffer>;

/** Names the chain of ledger entries that a message of this (lane, partition) goes on. */
export function chainKey({ lane, partition }: Pick<Position, 'lane' | 'partition'>): string {
  return `${lane}-${partition}`;
}

export interface Written {
  /** As given, moved on to the last message of each chain: goes into the cursors. */
  readonly chains: EntryChains;
  readonly versions: number;
  readonly deliveries: number;
  /** The packs, not deflated, of the messages that are to be delivered. */
  readonly packs: readonly { readonly position: Position; readonly pack: Buffer }[];
}

/**
 * Stores what messages became: packs, pointers, search rows, ledger entries, deliveries and dead letters, all in the
 * caller's transaction. One per worker; keeps only a cache.
 */
export class MessageWriter {
  private readonly cache = new ContentCache();
  private readonly breath = new Breath();

  constructor(
    private readonly tenant: string,
    private readonly random: Random,
  ) {}

  /**
   * `messages` are in the order in which they take effect; those of one (lane, partition) follow each other without a gap.
   * Call under `lockPartitions`. `unavailable` DATABASE_CONFLICT: another partition wrote a shared resource (a
   * Practitioner, say) at the same moment; roll back and run the same messages again.
   */
  async write(
    tx: Query,
    messages: readonly MessageOutcome[],
    chains: EntryChains,
    route: Route,
  ): Promise<Written> {
    const changes = await this.before(tx, messages);
    const storedAtMs = Date.now();
    const packs: PackRow[] = [];
    const deliveries: RoutedMessage[] = [];
    const routed: { position: Position; pack: Buffer }[] = [];
    for (const message of messages) {
      const { stored, texts } = this.apply(message, changes, storedAtMs);
      const chain = chainKey(message.position);
      const previous = chains.get(chain);
      assert(previous !== undefined, 'STORE_CHAIN_UNKNOWN');
      const plain = plainPack(texts);
      const pack = this.packOf(message, texts.length, plain, previous);
      chains.set(chain, ledgerEntryHash(pack.entry));
      packs.push(pack);
      const destinations = message.state === messageState.transformed ? route(message, stored) : [];
      if (destinations.length > 0) {
        deliveries.push({ position: message.position, destinations });
        routed.push({ position: message.position, pack: plain });
      }
      await this.breath.take();
    }
    await writePointers(tx, changes);
    await insertPacks(tx, packs, storedAtMs);
    const delivered = await insertDeliveries(tx, deliveries);
    await insertDeadLetters(tx, messages, storedAtMs);
    return { chains, versions: changes.changed.size, deliveries: delivered, packs: routed };
  }

  private packOf(message: MessageOutcome, resources: number, plain: Buffer, previous: Buffer): PackRow {
    const salt = this.random.bytes(SALT_BYTES);
    const entry = encodeLedgerEntry({
      journalKind: message.kind,
      timeMs: message.receivedAtMs,
      position: message.position,
      state: message.state,
      previous,
      raw: commitment('raw', salt, message.raw),
      fhir: commitment('fhir', salt, plain),
      mapping: message.mapping,
    });
    return { message, resources, salt, entry, bytes: deflatePack(plain) };
  }

  private async before(tx: Query, messages: readonly MessageOutcome[]): Promise<Changes> {
    const wanted = new Map<string, MappedResource>();
    const merging = new Set<string>();
    for (const message of messages) {
      for (const resource of message.resources) {
        const key = resourceKey(resource.type, resource.id);
        wanted.set(key, resource);
        if (resource.merge === 'update') merging.add(key);
      }
    }
    const current = await readCurrent(tx, [...wanted.values()]);
    const toLoad = [...current].filter(([key, resource]) => merging.has(key) && !resource.deleted);
    await this.cache.load(
      tx,
      toLoad.map(([, resource]) => resource),
    );
    return { current, before: new Map(current), overtaken: [], changed: new Set(), hashes: new Map() };
  }

  /** Applies one message to `changes`; returns its resources and the exact texts that make its pack. */
  private apply(
    message: MessageOutcome,
    changes: Changes,
    storedAtMs: number,
  ): { stored: StoredResource[]; texts: string[] } {
    const stored: StoredResource[] = [];
    const texts: string[] = [];
    const patient = patientOf(message.resources);
    for (const resource of message.resources) {
      const before = changes.current.get(resourceKey(resource.type, resource.id));
      const former = before === undefined || before.deleted ? undefined : before.content;
      const content =
        resource.merge === 'update' && former !== undefined
          ? mergeUpdate(former, resource)
          : (resource.resource as FhirObject);
      const text = writeJson(content);
      const line = texts.push(text) - 1;
      const place = { place: message.position, line, patient, lastUpdatedMs: storedAtMs };
      stored.push(this.advance(changes, resource, { content, digest: digestOf(text), ...place }));
    }
    if (message.state === messageState.transformed && stored.length > 0) {
      const provenance = provenanceOf(this.tenant, message, stored);
      const line = texts.push(provenance.text) - 1;
      const place = { place: message.position, line, patient, lastUpdatedMs: storedAtMs };
      const content: FhirObject = { resourceType: 'Provenance', id: provenance.id };
      const resource: MappedResource = {
        type: 'Provenance',
        id: provenance.id,
        merge: 'snapshot',
        resource: content,
        removals: [],
      };
      this.advance(changes, resource, { content, digest: digestOf(provenance.text), ...place });
    }
    return { stored, texts };
  }

  private advance(
    changes: Changes,
    resource: MappedResource,
    next: Pick<CurrentResource, 'digest' | 'place' | 'line' | 'patient' | 'lastUpdatedMs'> & {
      content: FhirObject;
    },
  ): StoredResource {
    const { type, id } = resource;
    const key = resourceKey(type, id);
    const before = changes.current.get(key);
    if (before && !before.deleted && before.digest.equals(next.digest)) {
      return { type, id, version: before.version, changed: false, content: next.content };
    }
    if (before && changes.changed.has(key)) changes.overtaken.push(before);
    const version = (before?.version ?? 0) + 1;
    changes.current.set(key, { type, id, rid: before?.rid, version, deleted: false, ...next });
    changes.changed.add(key);
    changes.hashes.set(key, searchHashes(next.content, next.patient));
    if (resource.merge === 'update') this.cache.remember(key, next.digest, next.content);
    return { type, id, version, changed: true, content: next.content };
  }
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES);
}

/** Whose record a message belongs to: its first Patient. Stored as a hash; a search checks the decoded candidate. */
function patientOf(resources: readonly MappedResource[]): bigint | null {
  const patient = resources.find((resource) => resource.type === 'Patient');
  return patient ? hash64(resourceKey('Patient', patient.id)) : null;
}

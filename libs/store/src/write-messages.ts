import type { Query } from '#database';
import type { FhirObject } from '#fhir';
import { assert, Breath, hash64, type Position, type Random } from '#kernel';
import type { MappedResource } from '#mapping';
import { indexTerms } from '#search';
import type { Changes } from './changes.js';
import { ContentCache, type CurrentResource, readCurrent, resourceKey } from './current-resources.js';
import { commitment, encodeLedgerEntry, ledgerEntryHash } from './ledger-entry.js';
import {
  type MessageOutcome,
  messageState,
  type ResourceName,
  type Route,
  type StoredDeletion,
  type StoredResource,
} from './message-outcome.js';
import { foldPacks } from './pack-blocks.js';
import { type PackLine, packLine } from './pack-bytes.js';
import { patientNamed } from './patient-named.js';
import { provenanceOf } from './provenance.js';
import { Renderer, type Rendering } from './rendering.js';
import {
  insertDeadLetters,
  insertDeliveries,
  insertPacks,
  type PackRow,
  type RoutedMessage,
} from './write-packs.js';
import { writePointers } from './write-pointers.js';

const SALT_BYTES = 16;
/** The digest of a deletion: of no bytes. */
const NO_CONTENT = packLine('').digest;
/** Patients whose hash is kept. */
const MAX_PATIENTS = 4_096;

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
  /** Of resources that were deleted, the version that says so, by their keys. */
  readonly deleted: ReadonlyMap<string, number>;
  /** What each message stored, in the order of the messages. */
  readonly stored: readonly (readonly StoredResource[])[];
  /** The resources of the messages that are to be delivered, as their packs hold them. */
  readonly packs: readonly { readonly position: Position; readonly resources: readonly Buffer[] }[];
}

/** What saves round trips to the database. */
export interface WriteTogether {
  /** Of `current`, asked for before; the same names in the same transaction. */
  readonly current?: Promise<CurrentResources>;
  /** Statements of the caller that travel with those of the packs: it is given the chains, moved on. */
  readonly withPacks?: (chains: EntryChains) => Promise<void>;
}

type CurrentResources = Map<string, CurrentResource>;

/**
 * Stores what messages became: packs, pointers, search rows, ledger entries, deliveries and dead letters, all in the
 * caller's transaction. One per worker; keeps only a cache.
 */
export class MessageWriter {
  private readonly cache = new ContentCache();
  private readonly renderer = new Renderer();
  private readonly breath = new Breath();
  private readonly patients = new Map<string, bigint>();

  constructor(
    private readonly tenant: string,
    private readonly random: Random,
  ) {}

  /** What is there of these resources. Call under `lockPartitions`, and give it to `write`. */
  current(tx: Query, names: readonly ResourceName[]): Promise<CurrentResources> {
    return readCurrent(tx, names);
  }

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
    { current, withPacks }: WriteTogether = {},
  ): Promise<Written> {
    const changes = await this.before(tx, messages, route.comparedTypes, current);
    const storedAtMs = Date.now();
    const packs: PackRow[] = [];
    const deleted = new Map<string, number>();
    const all: (readonly StoredResource[])[] = [];
    const deliveries: RoutedMessage[] = [];
    const routed: { position: Position; resources: readonly Buffer[] }[] = [];
    const salts = this.random.bytes(SALT_BYTES * messages.length);
    for (const message of messages) {
      const { stored, deletions, lines, patient } = this.apply(message, changes, storedAtMs, deleted);
      all.push(stored);
      const { position } = message;
      const chain = chainKey(position);
      const previous = chains.get(chain);
      assert(previous !== undefined, 'STORE_CHAIN_UNKNOWN');
      const ledgered = this.ledgered(
        message,
        lines,
        previous,
        salts.subarray(SALT_BYTES * packs.length, SALT_BYTES * (packs.length + 1)),
      );
      chains.set(chain, ledgerEntryHash(ledgered.entry));
      packs.push({ message, position, patient, lines, ...ledgered });
      const destinations =
        message.state === messageState.transformed ? route(message, stored, deletions) : [];
      if (destinations.length > 0) {
        deliveries.push({ position, destinations });
        routed.push({ position, resources: lines.map(({ bytes }) => bytes) });
      }
      await this.breath.take();
    }
    const folded = await foldPacks(packs, this.breath);
    // In this order, in one trip as far as nothing waits for an answer.
    const [, , delivered] = await Promise.all([
      writePointers(tx, changes),
      insertPacks(tx, packs, folded, storedAtMs),
      insertDeliveries(tx, deliveries),
      insertDeadLetters(tx, messages, storedAtMs),
      withPacks?.(chains),
    ]);
    const versions = changes.changed.size;
    return { chains, versions, deliveries: delivered, deleted, stored: all, packs: routed };
  }

  private ledgered(
    message: MessageOutcome,
    lines: readonly PackLine[],
    previous: Buffer,
    salt: Buffer,
  ): { salt: Buffer; entry: Buffer } {
    const entry = encodeLedgerEntry({
      journalKind: message.kind,
      timeMs: message.receivedAtMs,
      position: message.position,
      state: message.state,
      previous,
      raw: commitment.raw(salt, message.raw),
      fhir: commitment.fhir(salt, lines),
      mapping: message.mapping,
    });
    return { salt, entry };
  }

  private async before(
    tx: Query,
    messages: readonly MessageOutcome[],
    compared: ReadonlySet<string> | undefined,
    asked: Promise<CurrentResources> | undefined,
  ): Promise<Changes> {
    const wanted = new Map<string, ResourceName>();
    const needed = new Set<string>();
    for (const message of messages) {
      for (const resource of message.resources) {
        wanted.set(resource.key, resource);
        if (resource.merge !== 'snapshot' || compared?.has(resource.type)) needed.add(resource.key);
      }
      for (const name of message.deletions ?? []) {
        wanted.set(name.key, name);
        if (compared?.has(name.type)) needed.add(name.key);
      }
    }
    const current = await (asked ?? readCurrent(tx, [...wanted.values()]));
    const toLoad = [...current].filter(([key, resource]) => needed.has(key) && !resource.deleted);
    await this.cache.load(
      tx,
      toLoad.map(([, resource]) => resource),
    );
    return { current, before: new Map(current), overtaken: [], changed: new Set(), terms: new Map() };
  }

  /** Applies one message to `changes`; returns its resources and the exact lines that make its pack. */
  private apply(
    message: MessageOutcome,
    changes: Changes,
    storedAtMs: number,
    deleted: Map<string, number>,
  ): {
    stored: StoredResource[];
    deletions: StoredDeletion[];
    lines: PackLine[];
    patient: bigint | null;
  } {
    const stored: StoredResource[] = [];
    const lines: PackLine[] = [];
    const patient = this.patientOf(message.resources);
    const at = { place: message.position, lastUpdatedMs: storedAtMs };
    for (const resource of message.resources) {
      const before = changes.current.get(resource.key);
      const rendering = this.render(resource, before);
      const line = lines.push(rendering) - 1;
      if (before && !before.deleted && before.digest === rendering.digest) {
        const { type, id, key } = resource;
        const { version, lastUpdatedMs } = before;
        const { content } = rendering;
        stored.push({ type, id, key, version, lastUpdatedMs, changed: false, created: false, content });
        continue;
      }
      const own = patientNamed(rendering.content);
      const whose = { ...at, line, patient: own === undefined ? patient : this.hashOf(own) };
      stored.push(this.advance(changes, resource, rendering, before, whose));
    }
    const deletions = (message.deletions ?? []).flatMap(
      (name) => this.delete(changes, name, at, deleted) ?? [],
    );
    if (message.state === messageState.transformed && stored.length > 0 && message.hasProvenance !== false) {
      const provenance = provenanceOf(this.tenant, message, stored);
      const { id, text } = provenance;
      const rendering = { content: { resourceType: 'Provenance', id }, ...packLine(text) };
      const line = lines.push(rendering) - 1;
      const facts = {
        type: 'Provenance',
        id,
        key: resourceKey('Provenance', id),
        merge: 'snapshot',
      } as const;
      const resource: MappedResource = { ...facts, resource: rendering.content, removals: [] };
      this.advance(changes, resource, rendering, undefined, { ...at, line, patient }); // its id names the position: it is new
      changes.terms.set(resource.key, indexTerms(provenance.indexed, patient));
    }
    return { stored, deletions, lines, patient };
  }

  /** Whose record a message belongs to: its first Patient. Stored as a hash; a search checks the decoded candidate. */
  private patientOf(resources: readonly MappedResource[]): bigint | null {
    const patient = resources.find((resource) => resource.type === 'Patient');
    return patient === undefined ? null : this.hashOf(patient.key);
  }

  private hashOf(patientKey: string): bigint {
    let hash = this.patients.get(patientKey);
    if (hash === undefined) {
      if (this.patients.size === MAX_PATIENTS) this.patients.clear();
      hash = hash64(patientKey);
      this.patients.set(patientKey, hash);
    }
    return hash;
  }

  /** Rows that the search needs for a content and that those of the version before do not give: rows are never removed. */
  private newTerms(
    content: FhirObject,
    patient: bigint | null,
    before: CurrentResource | undefined,
    due: readonly string[] = [],
  ): readonly string[] {
    const terms = this.renderer.terms(content, patient);
    if (before?.content === undefined) return terms;
    const there = new Set([...this.renderer.terms(before.content, before.patient), ...due]);
    const missing = terms.filter((one) => !there.has(one));
    return due.length === 0 ? missing : [...due, ...missing];
  }

  private render(resource: MappedResource, before: CurrentResource | undefined): Rendering {
    const former = before === undefined || before.deleted ? undefined : before.content;
    return resource.merge !== 'snapshot' && former !== undefined && before !== undefined
      ? this.renderer.merge(resource, former, before.digest)
      : this.renderer.render(resource);
  }

  private advance(
    changes: Changes,
    resource: MappedResource,
    rendering: Rendering,
    before: CurrentResource | undefined,
    at: Pick<CurrentResource, 'place' | 'line' | 'patient' | 'lastUpdatedMs'>,
  ): StoredResource {
    const { type, id, key } = resource;
    const { content, digest } = rendering;
    if (before && changes.changed.has(key)) changes.overtaken.push(before);
    const version = (before?.version ?? 0) + 1;
    const next = { type, id, rid: before?.rid, version, deleted: false, digest, content, ...at };
    changes.current.set(key, next);
    changes.changed.add(key);
    if (resource.merge !== 'snapshot') {
      changes.terms.set(key, this.newTerms(content, at.patient, before, changes.terms.get(key)));
      this.cache.remember(key, digest, content);
    } else changes.terms.set(key, indexTerms(content, at.patient));
    const created = before === undefined || before.deleted;
    const previous = created ? undefined : before.content;
    const { lastUpdatedMs } = at;
    return { type, id, key, version, lastUpdatedMs, changed: true, created, content, previous };
  }

  /** A version without content: no line of the pack says it, for nobody is to be sent an empty resource. The raw bytes do. */
  private delete(
    changes: Changes,
    { type, id, key }: ResourceName,
    at: Pick<CurrentResource, 'place' | 'lastUpdatedMs'>,
    deleted: Map<string, number>,
  ): StoredDeletion | undefined {
    const before = changes.current.get(key);
    if (before === undefined || before.deleted) return undefined;
    deleted.set(key, before.version + 1);
    if (changes.changed.has(key)) changes.overtaken.push(before);
    const { rid, patient } = before;
    const next = { type, id, rid, version: before.version + 1, deleted: true, digest: NO_CONTENT, line: 0 };
    changes.current.set(key, { ...next, ...at, patient });
    changes.changed.add(key);
    return { type, id, key, previous: before.content };
  }
}

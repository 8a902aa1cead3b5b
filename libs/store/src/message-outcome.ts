import type { Position } from '#kernel';
import type { MappedResource } from '#mapping';

/** What a journaled message can become; the numbers are stored. */
export const messageState = { transformed: 1, filtered: 2, dead: 3 } as const;
export type MessageState = (typeof messageState)[keyof typeof messageState];

/** What the transformer made of one message, ready to be stored. */
export interface MessageOutcome {
  readonly position: Position;
  /** `journal.kind`. */
  readonly kind: number;
  readonly channel: number;
  readonly receivedAtMs: number;
  readonly state: MessageState;
  /** Why it was filtered or is dead: a stable code and a sentence without message content (I6). */
  readonly code?: string;
  readonly reason?: string;
  /** The bytes that the ledger entry commits to. */
  readonly raw: Buffer;
  /** `digestOfMapping`: engine and mapping files that took part (32 bytes). */
  readonly mapping: Buffer;
  readonly resources: readonly MappedResource[];
  /** Resources that end with it; what is not there, or ended before, stays as it is. */
  readonly deletions?: readonly ResourceName[];
  /** False: no Provenance is made for it. */
  readonly hasProvenance?: boolean;
  /** Provenance names the source by these. */
  readonly channelName: string;
  /** MSH-10. */
  readonly controlId?: string;
}

export interface ResourceName {
  readonly type: string;
  readonly id: string;
  /** `Type/id`. */
  readonly key: string;
}

/** One resource of a message as it was stored. */
export interface StoredResource extends ResourceName {
  readonly version: number;
  readonly lastUpdatedMs: number;
  /** False when the content equalled the current version's. */
  readonly changed: boolean;
  /** There was none before it, or none any more. */
  readonly created: boolean;
  readonly content: object;
  /** The content of the version before, where the route asked for it and the resource was there. */
  readonly previous?: object | undefined;
}

/** A resource that ended with a message. */
export interface StoredDeletion extends ResourceName {
  /** Its last content, where the route asked for it. */
  readonly previous: object | undefined;
}

/** Chooses the destinations of a message by what it did. Called inside the transaction; must be quick and pure. */
export interface Route {
  (
    message: MessageOutcome,
    resources: readonly StoredResource[],
    deletions: readonly StoredDeletion[],
  ): readonly number[];
  /** Types of resources whose `previous` it looks at. */
  readonly comparedTypes?: ReadonlySet<string>;
}

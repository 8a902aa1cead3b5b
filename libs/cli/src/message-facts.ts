import { layoutOfUnit } from '#csv';
import type { Database } from '#database';
import { readMessageHeader } from '#hl7v2';
import { JournalTrace, journalKind } from '#journal';
import { formatPosition, type Position } from '#kernel';
import { LedgerTrace } from '#ledger';
import { messageState, StoreTrace } from '#store';
import { type TracedRoute, tracedRoutes } from './message-routes.js';

type Entry = Awaited<ReturnType<JournalTrace['entries']>>[number];
type Outcome = Awaited<ReturnType<StoreTrace['outcomes']>>[number];
export type TracedResource = Awaited<ReturnType<StoreTrace['resources']>>[number];

export type MessageFate = 'waiting' | 'transformed' | 'filtered' | 'dead';

/** The envelope of a message and its state: what a list shows. Nothing of its content but type and control id. */
export interface MessageLine {
  readonly position: string;
  readonly channel: string;
  readonly kind: 'message' | 'replay' | 'twin marker' | 'FHIR write';
  readonly type: string;
  readonly controlId: string;
  readonly receivedAt: string;
  readonly receivedAtMs: number;
  readonly bytes: number;
  readonly state: MessageFate;
}

/** Everything that is known about one message, in the order in which it happened. */
export interface MessageFacts extends MessageLine {
  /** Of a replay or twin marker. */
  readonly refers: string | undefined;
  readonly controlIdReused: boolean;
  readonly acknowledged: { readonly code: string; readonly at: string; readonly atMs: number } | undefined;
  readonly outcome:
    | {
        readonly at: string;
        readonly atMs: number;
        readonly code: string | undefined;
        readonly reason: string | undefined;
        readonly mapping: string;
        readonly resources: readonly TracedResource[];
      }
    | undefined;
  readonly deliveries: readonly TracedRoute[];
  readonly anchored: Awaited<ReturnType<LedgerTrace['leaf']>>;
  readonly replays: readonly string[];
}

/** The lines of many messages, newest first. */
export async function messageLines(
  database: Database,
  positions: readonly Position[],
): Promise<MessageLine[]> {
  const entries = await new JournalTrace(database).entries(positions);
  const outcomes = await new StoreTrace(database).outcomes(positions);
  const byPosition = new Map(outcomes.map((outcome) => [formatPosition(outcome.position), outcome]));
  return entries.map((entry) => lineOf(entry, byPosition.get(formatPosition(entry.position))));
}

/** All facts of one message; undefined when the journal has none at this position. */
export async function messageFacts(
  database: Database,
  position: Position,
): Promise<MessageFacts | undefined> {
  const [entry] = await new JournalTrace(database).entries([position]);
  if (entry === undefined) return undefined;
  const store = new StoreTrace(database);
  const [outcome] = await store.outcomes([position]);
  const resources = outcome === undefined ? [] : await store.resources(position);
  const { acknowledged, controlIdReused, refers } = entry;
  return {
    ...lineOf(entry, outcome),
    refers: refers === undefined ? undefined : formatPosition(refers),
    controlIdReused,
    acknowledged: acknowledged && { ...acknowledged, at: isoTime(acknowledged.atMs) },
    outcome: outcome && {
      at: isoTime(outcome.storedAtMs),
      atMs: outcome.storedAtMs,
      code: outcome.code,
      reason: outcome.reason,
      mapping: outcome.mapping,
      resources,
    },
    deliveries: await tracedRoutes(database, position),
    anchored: await new LedgerTrace(database).leaf(position),
    replays: entry.replays.map(formatPosition),
  };
}

function lineOf(entry: Entry, outcome: Outcome | undefined): MessageLine {
  const layout = layoutOfUnit(entry.head);
  const header = readMessageHeader(entry.head);
  const isFhir = entry.kind === journalKind.fhirWrite;
  return {
    position: formatPosition(entry.position),
    channel: entry.channel,
    kind: kindName(entry.kind),
    type: isFhir ? 'FHIR' : (layout ?? messageType(header)),
    controlId: isFhir ? '' : header.controlId.trim(),
    receivedAt: isoTime(entry.receivedAtMs),
    receivedAtMs: entry.receivedAtMs,
    bytes: entry.bytes,
    state: outcome === undefined ? 'waiting' : fateOf(outcome.state),
  };
}

function messageType({ messageCode, triggerEvent }: ReturnType<typeof readMessageHeader>): string {
  return triggerEvent === '' ? messageCode : `${messageCode}^${triggerEvent}`;
}

function kindName(kind: Entry['kind']): MessageLine['kind'] {
  switch (kind) {
    case journalKind.message:
      return 'message';
    case journalKind.replay:
      return 'replay';
    case journalKind.twin:
      return 'twin marker';
    case journalKind.fhirWrite:
      return 'FHIR write';
  }
}

function fateOf(state: Outcome['state']): MessageFate {
  switch (state) {
    case messageState.transformed:
      return 'transformed';
    case messageState.filtered:
      return 'filtered';
    case messageState.dead:
      return 'dead';
  }
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

import type { Database } from '#database';
import { readMessage } from '#journal';
import { assert, type Position } from '#kernel';
import { PackUnfolder } from '#store';

/** What one fetch of bytes may bring into memory, beyond its first message. */
const MAX_FETCH_BYTES = 8 * 1024 * 1024;
/** `journal.kind` of a replay: its bytes are those of the message it refers to. */
const REPLAY = 1;

/** The rows of one message without their large columns. */
export interface StoredMessage {
  readonly position: Position;
  readonly pack:
    | { readonly state: number; readonly mapping: Buffer; readonly salt: Buffer; readonly entry: Buffer }
    | undefined;
  /** How many journal rows there are; one is right. */
  readonly journalRows: number;
  readonly kind: number;
  readonly receivedAtMs: number;
  readonly rawBytes: number;
  readonly packBytes: number;
}

export interface StoredBytes {
  readonly raw: Buffer | undefined;
  /** Undefined when what is stored does not unfold. */
  readonly fhir: Buffer | undefined;
}

interface MessageRow {
  ord: number;
  stored: boolean;
  state: number;
  mapping: Buffer;
  salt: Buffer;
  entry: Buffer;
  pack_bytes: number | null;
  kind: number | null;
  received_ms: number | null;
  raw_bytes: number | null;
}

const positions = `unnest($1::smallint[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS s(lane, partition, seq, ord)
  LEFT JOIN pack p ON p.lane = s.lane AND p.partition = s.partition AND p.seq = s.seq
  LEFT JOIN folded_pack f ON f.lane = s.lane AND f.partition = s.partition AND f.seq = s.seq
  LEFT JOIN journal j ON j.lane = s.lane AND j.partition = s.partition AND j.seq = s.seq`;

function columns(wanted: readonly Position[]): unknown[] {
  return [
    wanted.map(({ lane }) => lane),
    wanted.map(({ partition }) => partition),
    wanted.map(({ seq }) => seq),
  ];
}

/** The rows of these messages, one each and in this order, also where nothing is stored. */
export async function readStored(database: Database, wanted: readonly Position[]): Promise<StoredMessage[]> {
  const rows = await database.query<MessageRow>(
    `SELECT s.ord::int, p.seq IS NOT NULL AS stored, p.state, p.mapping, p.salt, p.entry,
            octet_length(f.block_bytes) AS pack_bytes, j.kind, octet_length(j.raw) AS raw_bytes,
            floor(extract(epoch FROM j.received_at) * 1000)::bigint AS received_ms
     FROM ${positions} ORDER BY s.ord`,
    columns(wanted),
    'audit-rows',
  );
  const messages = wanted.map(
    (position): StoredMessage => ({
      position,
      pack: undefined,
      journalRows: 0,
      kind: 0,
      receivedAtMs: 0,
      rawBytes: 0,
      packBytes: 0,
    }),
  );
  for (const row of rows) {
    const message = messages[row.ord - 1];
    assert(message !== undefined, 'AUDIT_ROW_UNKNOWN');
    messages[row.ord - 1] = {
      position: message.position,
      pack: row.stored
        ? { state: row.state, mapping: row.mapping, salt: row.salt, entry: row.entry }
        : undefined,
      journalRows: message.journalRows + (row.kind === null ? 0 : 1),
      kind: row.kind ?? 0,
      receivedAtMs: row.received_ms ?? 0,
      rawBytes: row.raw_bytes ?? 0,
      packBytes: row.pack_bytes ?? 0,
    };
  }
  return messages;
}

/** Calls `check` with the bytes of each message, in order, fetching no more at once than memory allows. */
export async function eachWithBytes(
  database: Database,
  messages: readonly StoredMessage[],
  check: (message: StoredMessage, bytes: StoredBytes) => void,
): Promise<void> {
  let group: StoredMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = message.rawBytes + message.packBytes;
    if (group.length > 0 && bytes + size > MAX_FETCH_BYTES) {
      await checkGroup(database, group, check);
      group = [];
      bytes = 0;
    }
    group.push(message);
    bytes += size;
  }
  if (group.length > 0) await checkGroup(database, group, check);
}

async function checkGroup(
  database: Database,
  group: readonly StoredMessage[],
  check: (message: StoredMessage, bytes: StoredBytes) => void,
): Promise<void> {
  const rows = await database.query<{ ord: number; raw: Buffer | null; folded: Buffer | null }>(
    `SELECT s.ord::int, j.raw, f.folded FROM ${positions} ORDER BY s.ord`,
    columns(group.map(({ position }) => position)),
    'audit-bytes',
  );
  const found = new Map(rows.map((row) => [row.ord, row]));
  for (const [at, message] of group.entries()) {
    const row = found.get(at + 1);
    const original = message.kind === REPLAY ? await readMessage(database, message.position) : undefined;
    const raw = original?.raw ?? row?.raw ?? undefined;
    check(message, { raw, fhir: row?.folded ? unfold(row.folded) : undefined });
  }
}

function unfold(folded: Buffer): Buffer | undefined {
  try {
    return new PackUnfolder().unfold(folded);
  } catch {
    return undefined; // damaged bytes unfold to nothing: a finding, not a failure
  }
}

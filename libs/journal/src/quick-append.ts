import type { JournalEntry } from './journal-entry.js';
import { uuidText } from './uuid-text.js';

/** The last seq of each partition of one lane, as this lane's only writer knows it. */
export type Heads = Map<number, number>;

/**
 * Appends a group of which nothing came before, numbered by the writer: a third less work for the database than
 * APPEND_SQL, which finds out itself what is new (measured). All or nothing: a key that came before (unique violation) or
 * a head that is not what the writer believes (division by zero) undoes the whole statement, and APPEND_SQL decides.
 */
const QUICK_APPEND_SQL = `
WITH keys AS (
  INSERT INTO journal_key (key, received_at)
  SELECT key, to_timestamp($3::float8) FROM unnest($4::uuid[]) AS k(key)
), heads AS (
  UPDATE journal_head h SET seq = a.base + a.added / (h.seq = a.base)::int
  FROM unnest($5::smallint[], $6::bigint[], $7::int[]) AS a(partition, base, added)
  WHERE h.lane = $1 AND h.partition = a.partition
)
INSERT INTO journal (lane, partition, seq, kind, flags, channel, received_at, control_hash, sender, idempotency_key, raw)
SELECT $1, partition, seq, kind,
       coalesce((SELECT 1 FROM journal j WHERE i.kind = 0 AND j.control_hash = i.control_hash AND j.channel = i.channel
                   AND j.sender = i.sender AND j.kind = 0 LIMIT 1), 0),
       channel, to_timestamp(received), control_hash, sender, key, substring($2::bytea FROM start FOR len)
FROM unnest($8::smallint[], $9::bigint[], $10::smallint[], $11::smallint[], $12::float8[], $13::bigint[], $14::int[],
            $15::uuid[], $16::int[], $17::int[])
     AS i(partition, seq, kind, channel, received, control_hash, sender, key, start, len)
RETURNING partition, seq, kind, flags, idempotency_key AS key`;

/** The same for a group of one, which is what a sender makes that waits for each acknowledgment. */
const QUICK_APPEND_ONE_SQL = `
WITH keys AS (
  INSERT INTO journal_key (key, received_at) VALUES ($9, to_timestamp($6::float8))
), heads AS (
  UPDATE journal_head SET seq = $3::bigint + 1 / (seq = $3::bigint)::int WHERE lane = $1 AND partition = $2
)
INSERT INTO journal (lane, partition, seq, kind, flags, channel, received_at, control_hash, sender, idempotency_key, raw)
SELECT $1, $2, $3::bigint + 1, $4::smallint,
       coalesce((SELECT 1 FROM journal j WHERE $4::smallint = 0 AND j.control_hash = $7::bigint AND j.channel = $5
                   AND j.sender = $8::int AND j.kind = 0 LIMIT 1), 0),
       $5, to_timestamp($6::float8), $7::bigint, $8::int, $9, $10
RETURNING partition, seq, kind, flags, idempotency_key AS key`;

export interface QuickAppend {
  readonly sql: string;
  /** Of the prepared statement. */
  readonly name: string;
  readonly parameters: unknown[];
  /** The heads after it. */
  readonly heads: Heads;
}

/** Undefined when only APPEND_SQL can do it: a message of two patients, a replay, a partition without a known head. */
export function quickAppend(
  lane: number,
  known: Heads,
  entries: readonly JournalEntry[],
): QuickAppend | undefined {
  const [only] = entries;
  if (only && entries.length === 1) return quickAppendOne(lane, known, only);
  const heads: Heads = new Map();
  const seqs: number[] = [];
  const starts: number[] = [];
  let start = 1;
  for (const { partition, twinPartition, refers, raw } of entries) {
    const head = heads.get(partition) ?? known.get(partition);
    if (head === undefined || twinPartition !== undefined || refers !== undefined) return undefined;
    heads.set(partition, head + 1);
    seqs.push(head + 1);
    starts.push(start);
    start += raw.length;
  }
  const keys = entries.map((entry) => uuidText(entry.key));
  const bases = [...heads.keys()].map((partition) => known.get(partition) ?? 0);
  const raws = entries.map((entry) => entry.raw);
  const parameters = [
    lane,
    raws.length === 1 ? raws[0] : Buffer.concat(raws),
    (entries[0]?.receivedAtMs ?? 0) / 1000,
    [...keys].sort(), // one order for all lanes, so that two that share keys do not deadlock
    [...heads.keys()],
    bases,
    [...heads.values()].map((head, index) => head - (bases[index] ?? 0)),
    entries.map((entry) => entry.partition),
    seqs,
    entries.map((entry) => entry.kind),
    entries.map((entry) => entry.channel),
    entries.map((entry) => entry.receivedAtMs / 1000),
    entries.map((entry) => entry.controlHash ?? null),
    entries.map((entry) => entry.sender ?? null),
    keys,
    starts,
    raws.map((raw) => raw.length),
  ];
  return { sql: QUICK_APPEND_SQL, name: 'journal-append-quick', parameters, heads };
}

function quickAppendOne(lane: number, known: Heads, entry: JournalEntry): QuickAppend | undefined {
  const { partition, twinPartition, refers, kind, channel, receivedAtMs, controlHash, sender, key, raw } =
    entry;
  const head = known.get(partition);
  if (head === undefined || twinPartition !== undefined || refers !== undefined) return undefined;
  const facts = [kind, channel, receivedAtMs / 1000, controlHash ?? null, sender ?? null];
  return {
    sql: QUICK_APPEND_ONE_SQL,
    name: 'journal-append-one',
    parameters: [lane, partition, head, ...facts, uuidText(key), raw],
    heads: new Map([[partition, head + 1]]),
  };
}

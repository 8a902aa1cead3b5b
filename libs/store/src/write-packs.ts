import type { Query } from '#database';
import type { Position } from '#kernel';
import { type MessageOutcome, messageState } from './message-outcome.js';
import type { FoldedPack, PlainPack } from './pack-blocks.js';

export interface PackRow extends PlainPack {
  readonly message: MessageOutcome;
  readonly salt: Buffer;
  readonly entry: Buffer;
}

/** A message and the destinations chosen for it. */
export interface RoutedMessage {
  readonly position: Position;
  readonly destinations: readonly number[];
}

/** One statement for all packs, `folded` in the order of `rows`; bytes travel as blobs with lengths (an array of bytea costs several times the CPU). */
export async function insertPacks(
  tx: Query,
  rows: readonly PackRow[],
  folded: readonly FoldedPack[],
  storedAtMs: number,
): Promise<void> {
  await tx.query(
    `INSERT INTO pack (lane, partition, seq, state, channel, resources, stored_at, code, reason, mapping, salt, entry, bytes,
                       block, plain_at, plain_bytes)
     SELECT lane, partition, seq, state, channel, resources, to_timestamp($1::float8), code, reason,
            substring($2::bytea FROM 32 * (ord::int - 1) + 1 FOR 32), substring($3::bytea FROM 16 * (ord::int - 1) + 1 FOR 16),
            substring($4::bytea FROM (entry_end - entry_len)::int + 1 FOR entry_len),
            substring($5::bytea FROM (bytes_end - bytes_len)::int + 1 FOR bytes_len),
            block, plain_at, plain_bytes
     FROM (SELECT p.*, sum(entry_len) OVER (ORDER BY ord) AS entry_end, sum(bytes_len) OVER (ORDER BY ord) AS bytes_end
           FROM unnest($6::smallint[], $7::smallint[], $8::bigint[], $9::smallint[], $10::smallint[], $11::smallint[],
                       $12::text[], $13::text[], $14::int[], $15::int[], $16::bigint[], $17::int[], $18::int[]) WITH ORDINALITY
             AS p(lane, partition, seq, state, channel, resources, code, reason, entry_len, bytes_len, block, plain_at,
                  plain_bytes, ord)) AS placed`,
    [
      storedAtMs / 1000,
      Buffer.concat(rows.map((row) => row.message.mapping)),
      Buffer.concat(rows.map((row) => row.salt)),
      Buffer.concat(rows.map((row) => row.entry)),
      Buffer.concat(folded.map((pack) => pack.bytes)),
      rows.map((row) => row.position.lane),
      rows.map((row) => row.position.partition),
      rows.map((row) => row.position.seq),
      rows.map((row) => row.message.state),
      rows.map((row) => row.message.channel),
      rows.map((row) => row.lines.length),
      rows.map((row) => row.message.code ?? null),
      rows.map((row) => row.message.reason ?? null),
      rows.map((row) => row.entry.length),
      folded.map((pack) => pack.bytes.length),
      folded.map((pack) => pack.block),
      folded.map((pack) => pack.at),
      folded.map((pack) => pack.length),
    ],
    'insert-packs',
  );
}

/**
 * Gives each (message, destination) its number, gap-free in (destination, partition): the partition is locked by the
 * caller, so the head moves in the order of commits. Returns how many there are.
 */
export async function insertDeliveries(tx: Query, routed: readonly RoutedMessage[]): Promise<number> {
  const destinations: number[] = [];
  const positions: Position[] = [];
  for (const { position, destinations: chosen } of routed) {
    for (const destination of new Set(chosen)) {
      destinations.push(destination);
      positions.push(position);
    }
  }
  if (destinations.length === 0) return 0;
  await tx.query(
    `WITH input AS MATERIALIZED (
       SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::smallint[], $4::bigint[]) WITH ORDINALITY
         AS d(destination, lane, partition, seq, ord)
     ), head AS (
       INSERT INTO delivery_head AS h (destination, partition, number)
       SELECT destination, partition, count(*) FROM input GROUP BY destination, partition
       ON CONFLICT (destination, partition) DO UPDATE SET number = h.number + excluded.number
       RETURNING destination, partition, number
     ), added AS (
       SELECT destination, partition, count(*) AS n FROM input GROUP BY destination, partition
     )
     INSERT INTO delivery (destination, partition, number, lane, seq)
     SELECT i.destination, i.partition,
            head.number - added.n + row_number() OVER (PARTITION BY i.destination, i.partition ORDER BY i.ord),
            i.lane, i.seq
     FROM input i JOIN head USING (destination, partition) JOIN added USING (destination, partition)`,
    [
      destinations,
      positions.map((position) => position.lane),
      positions.map((position) => position.partition),
      positions.map((position) => position.seq),
    ],
    'insert-deliveries',
  );
  return destinations.length;
}

export async function insertDeadLetters(
  tx: Query,
  messages: readonly MessageOutcome[],
  storedAtMs: number,
): Promise<void> {
  const dead = messages.filter((message) => message.state === messageState.dead);
  if (dead.length === 0) return;
  await tx.query(
    `INSERT INTO dead_letter (lane, partition, seq, code, reason, at)
     SELECT lane, partition, seq, code, reason, to_timestamp($1::float8)
     FROM unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[])
       AS d(lane, partition, seq, code, reason)`,
    [
      storedAtMs / 1000,
      dead.map((message) => message.position.lane),
      dead.map((message) => message.position.partition),
      dead.map((message) => message.position.seq),
      dead.map((message) => message.code ?? 'UNKNOWN'),
      dead.map((message) => message.reason ?? ''),
    ],
    'insert-dead-letters',
  );
}

import type { Database } from '../../database/src/index.js';
import { deflateBlock } from '../src/pack-bytes.js';

/** A destination's number, made at first use. */
export async function seedDestination(database: Database, name: string, kind = 'http'): Promise<number> {
  await database.query('INSERT INTO destination (name, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    name,
    kind,
  ]);
  const rows = await database.query<{ id: number }>('SELECT id FROM destination WHERE name = $1', [name]);
  return rows[0]?.id ?? 0;
}

/** Where seeded messages go and since when they are stored. */
export interface Seed {
  readonly destinations: readonly number[];
  readonly partition: number;
  readonly lane?: number;
  readonly ageMs?: number;
}

/**
 * Stores messages as the transformer does, each a list of resource texts, and routes every one to each destination: in
 * one transaction, with positions and numbers that follow what is there. For tests of what comes after.
 */
export async function seedDeliveries(
  database: Database,
  { destinations, partition, lane = 0, ageMs = 0 }: Seed,
  messages: readonly (readonly string[])[],
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock(7310999, $1)', [partition]);
    const last = await tx.query<{ seq: number }>(
      'SELECT COALESCE(max(seq), 0) AS seq FROM pack WHERE lane = $1 AND partition = $2',
      [lane, partition],
    );
    const before = last[0]?.seq ?? 0;
    const bytes = messages.map((resources) => deflateBlock([Buffer.from(resources.join('\n'))]));
    const seqs = messages.map((_, index) => before + index + 1);
    await tx.query(
      `INSERT INTO pack (lane, partition, seq, state, channel, resources, stored_at, mapping, salt, entry, bytes)
       SELECT $1, $2, seq, 1, 1, 1, now() - $5 * interval '1 millisecond', '', '', '', bytes
       FROM unnest($3::bigint[], $4::bytea[]) AS m(seq, bytes)`,
      [lane, partition, seqs, bytes, ageMs],
    );
    await tx.query(
      `WITH head AS (
         INSERT INTO delivery_head AS h (destination, partition, number)
         SELECT destination, $2, cardinality($4::bigint[]) FROM unnest($3::smallint[]) AS destination
         ON CONFLICT (destination, partition) DO UPDATE SET number = h.number + excluded.number
         RETURNING destination, number)
       INSERT INTO delivery (destination, partition, number, lane, seq)
       SELECT destination, $2, number - cardinality($4::bigint[]) + ord, $1, seq
       FROM head CROSS JOIN unnest($4::bigint[]) WITH ORDINALITY AS s(seq, ord)`,
      [lane, partition, destinations, seqs],
    );
  });
}

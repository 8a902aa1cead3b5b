import type { Query } from '#database';
import type { Position } from '#kernel';
import { controlHash, type JournalKind } from './journal-entry.js';
import { LANE_LOCK_CLASS } from './lane.js';

/** Enough of a message for its header: MSH is its first segment. */
const HEAD_BYTES = 8_192;

/** A journaled message for people who look for it: its envelope, never more of its content than the header. */
export interface TracedEntry {
  readonly position: Position;
  readonly kind: JournalKind;
  readonly channel: string;
  readonly receivedAtMs: number;
  /** The same sender used this control id before, for other bytes. */
  readonly controlIdReused: boolean;
  /** Of a replay or twin marker: the message it stands for. Of a message of two patients: its twin marker. */
  readonly refers: Position | undefined;
  readonly bytes: number;
  /** The first bytes; those of the message it refers to for a replay or twin marker. */
  readonly head: Buffer;
  /** When the acknowledgment left; undefined: not noted (a crash may lose notes), or still to come. */
  readonly acknowledged: { readonly code: string; readonly atMs: number } | undefined;
  /** Every later entry that runs this message again, in order. */
  readonly replays: readonly Position[];
}

interface EntryRow {
  lane: number;
  partition: number;
  seq: number;
  kind: JournalKind;
  flags: number;
  channel: string | null;
  received_at: Date;
  refers_lane: number | null;
  refers_partition: number | null;
  refers_seq: number | null;
  bytes: number;
  head: Buffer;
  code: string | null;
  acknowledged_at_ms: number | null;
  replays: { lane: number; partition: number; seq: number }[] | null;
}

const entriesSql = `
  SELECT j.lane, j.partition, j.seq, j.kind, j.flags, n.name AS channel, j.received_at, j.refers_lane,
         j.refers_partition, j.refers_seq, octet_length(coalesce(o.raw, j.raw)) AS bytes,
         substring(coalesce(o.raw, j.raw) FOR ${HEAD_BYTES}) AS head, a.code, a.at_ms AS acknowledged_at_ms,
         (SELECT json_agg(json_build_object('lane', r.lane, 'partition', r.partition, 'seq', r.seq) ORDER BY r.received_at)
          FROM journal r WHERE r.refers_lane = j.lane AND r.refers_partition = j.partition AND r.refers_seq = j.seq
            AND r.kind = 1) AS replays
  FROM wanted w JOIN journal j USING (lane, partition, seq)
  LEFT JOIN journal o ON j.kind IN (1, 2) AND o.lane = j.refers_lane AND o.partition = j.refers_partition AND o.seq = j.refers_seq
  LEFT JOIN channel_name n ON n.id = j.channel
  LEFT JOIN LATERAL (
    SELECT run.code, run.at_ms[j.seq - run.first_seq + 1] AS at_ms FROM acknowledgment run
    WHERE run.lane = j.lane AND run.partition = j.partition AND run.first_seq <= j.seq
    ORDER BY run.first_seq DESC LIMIT 1) AS a ON true
  ORDER BY j.received_at DESC, j.lane, j.partition, j.seq DESC`;

/** What the journal knows about single messages. Reads only; statements are bounded by their limits. */
export class JournalTrace {
  constructor(private readonly database: Query) {}

  /** The entries at `positions`, newest first; positions without one are left out. */
  async entries(positions: readonly Position[]): Promise<TracedEntry[]> {
    const rows = await this.database.query<EntryRow>(
      `WITH wanted AS (SELECT DISTINCT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS w(lane, partition, seq))
       ${entriesSql}`,
      [
        positions.map((position) => position.lane),
        positions.map((position) => position.partition),
        positions.map((position) => position.seq),
      ],
    );
    return rows.map(entryOf);
  }

  /** Where messages with this control id (MSH-10) may stand, newest first; check the header, hashes can meet. */
  async withControlId(controlId: string, limit: number): Promise<Position[]> {
    return this.database.query<Position>(
      'SELECT lane, partition, seq FROM journal WHERE control_hash = $1 ORDER BY received_at DESC, seq DESC LIMIT $2',
      [controlHash(controlId).toString(), limit],
    );
  }

  /** How far each (lane, partition) is filled. */
  async heads(): Promise<Position[]> {
    return this.database.query<Position>('SELECT lane, partition, seq FROM journal_head WHERE seq > 0');
  }

  /** The entries after `seen`, at most `limit`; the heads that `heads` answered are where to begin. */
  async after(seen: readonly Position[], limit: number): Promise<Position[]> {
    return this.database.query<Position>(
      `SELECT j.lane, j.partition, j.seq
       FROM journal_head h
       LEFT JOIN unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS s(lane, partition, seq) USING (lane, partition)
       CROSS JOIN LATERAL (
         SELECT * FROM journal j WHERE j.lane = h.lane AND j.partition = h.partition AND j.seq > coalesce(s.seq, 0)
         ORDER BY j.seq LIMIT $4) AS j
       WHERE h.seq > coalesce(s.seq, 0) ORDER BY j.received_at, j.lane, j.partition, j.seq LIMIT $4`,
      [
        seen.map((position) => position.lane),
        seen.map((position) => position.partition),
        seen.map((position) => position.seq),
        limit,
      ],
    );
  }

  /** The last `limit` entries of the journal, newest first. */
  async latest(limit: number): Promise<Position[]> {
    return this.database.query<Position>(
      `SELECT j.lane, j.partition, j.seq FROM journal_head h CROSS JOIN LATERAL (
         SELECT * FROM journal j WHERE j.lane = h.lane AND j.partition = h.partition AND j.seq > h.seq - $1
         ORDER BY j.seq DESC LIMIT $1) AS j
       WHERE h.seq > 0 ORDER BY j.received_at DESC, j.seq DESC LIMIT $1`,
      [limit],
    );
  }

  /** How many messages wait to be transformed, since when the oldest does, and how many writers (lanes) are at work. */
  async backlog(): Promise<{ waiting: number; oldestMs: number | undefined; writers: number }> {
    const [row] = await this.database.query<{ waiting: number; oldest: Date | null; writers: number }>(
      `SELECT coalesce(sum(h.seq - c.seq), 0)::bigint AS waiting, min(j.received_at) AS oldest,
              (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers
       FROM journal_head h JOIN cursor c USING (lane, partition)
       LEFT JOIN LATERAL (
         SELECT received_at FROM journal j WHERE h.seq > c.seq AND j.lane = h.lane AND j.partition = h.partition
           AND j.seq = c.seq + 1) AS j ON true`,
      [LANE_LOCK_CLASS],
    );
    return { waiting: row?.waiting ?? 0, oldestMs: row?.oldest?.getTime(), writers: row?.writers ?? 0 };
  }

  /** The refusals kept since a moment, by channel and code, most first. */
  async refusals(sinceMs: number): Promise<{ channel: string; code: string; count: number }[]> {
    return this.database.query(
      `SELECT coalesce(n.name, '') AS channel, r.code, count(*) AS count
       FROM refusal r LEFT JOIN channel_name n ON n.id = r.channel
       WHERE r.received_at >= to_timestamp($1::float8 / 1000) GROUP BY 1, 2 ORDER BY count DESC LIMIT 20`,
      [sinceMs],
    );
  }
}

function entryOf(row: EntryRow): TracedEntry {
  const { lane, partition, seq, refers_lane, refers_partition, refers_seq } = row;
  const refers =
    refers_lane === null || refers_partition === null || refers_seq === null
      ? undefined
      : { lane: refers_lane, partition: refers_partition, seq: refers_seq };
  return {
    position: { lane, partition, seq },
    kind: row.kind,
    channel: row.channel ?? '',
    receivedAtMs: row.received_at.getTime(),
    controlIdReused: (row.flags & 1) === 1,
    refers,
    bytes: row.bytes,
    head: row.head,
    acknowledged:
      row.code === null || row.acknowledged_at_ms === null
        ? undefined
        : { code: row.code, atMs: row.acknowledged_at_ms },
    replays: row.replays ?? [],
  };
}

import type { Database } from '#database';
import type { Position } from '#kernel';

/** Rows written together, at most this long after the first. What a crash loses here is a time in a trace. */
const FLUSH_AFTER_MS = 500;
const MAX_WAITING = 20_000;

/**
 * Notes when the acknowledgment of a message left. For people who trace a message; nothing decides on it, so its
 * commits do not wait for the disk, and beyond `MAX_WAITING` notes are dropped and counted rather than piled up.
 */
export class AcknowledgmentLog {
  private waiting: { position: Position; code: string; atMs: number }[] = [];
  private timer: NodeJS.Timeout | undefined;
  dropped = 0;

  constructor(private readonly database: Database) {}

  note(position: Position, code: string, atMs: number): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.dropped++;
      return;
    }
    this.waiting.push({ position, code, atMs });
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_AFTER_MS).unref();
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const rows = this.waiting;
    this.waiting = [];
    if (rows.length === 0) return;
    const columns = [
      rows.map((row) => row.position.lane),
      rows.map((row) => row.position.partition),
      rows.map((row) => row.position.seq),
      rows.map((row) => row.code),
      rows.map((row) => row.atMs / 1000),
    ];
    try {
      await this.database.transaction(async (tx) => {
        await tx.query('SET LOCAL synchronous_commit = off');
        await tx.query(
          `INSERT INTO acknowledgment (lane, partition, seq, code, at)
           SELECT lane, partition, seq, code, to_timestamp(at)
           FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::text[], $5::float8[])
                AS note(lane, partition, seq, code, at)
           ON CONFLICT DO NOTHING`,
          columns,
          'acknowledgment-log',
        );
      });
    } catch {
      this.dropped += rows.length; // notes only: the message and its acknowledgment are not touched by this
    }
  }
}

import type { Database } from '#database';
import type { Position } from '#kernel';

interface Note {
  readonly position: Position;
  readonly code: string;
  readonly atMs: number;
}

/** The same answer to messages that follow each other in one partition: what a row holds. */
interface Run {
  readonly lane: number;
  readonly partition: number;
  readonly firstSeq: number;
  readonly code: string;
  /** In whole milliseconds, one for each message from `firstSeq` on. */
  readonly atMs: number[];
}

/** Rows written together, at most this long after the first. What a crash loses here is a time in a trace. */
const FLUSH_AFTER_MS = 500;
const MAX_WAITING = 20_000;

/**
 * Notes when the acknowledgment of a message left. For people who trace a message; nothing decides on it, so its
 * commits do not wait for the disk, and beyond `MAX_WAITING` notes are dropped and counted rather than piled up.
 */
export class AcknowledgmentLog {
  private waiting: Note[] = [];
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
    const notes = this.waiting;
    this.waiting = [];
    if (notes.length === 0) return;
    const runs = runsOf(notes);
    const columns = [
      runs.map((run) => run.lane),
      runs.map((run) => run.partition),
      runs.map((run) => run.firstSeq),
      runs.map((run) => run.code),
      runs.map((run) => `{${run.atMs.join()}}`),
    ];
    try {
      await this.database.transaction(async (tx) => {
        await tx.query('SET LOCAL synchronous_commit = off');
        await tx.query(
          `INSERT INTO acknowledgment (lane, partition, first_seq, code, at_ms)
           SELECT lane, partition, first_seq, code, at_ms::bigint[]
           FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[])
                AS run(lane, partition, first_seq, code, at_ms)
           ON CONFLICT DO NOTHING`,
          columns,
          'acknowledgment-log',
        );
      });
    } catch {
      this.dropped += notes.length; // notes only: the message and its acknowledgment are not touched by this
    }
  }
}

function runsOf(notes: readonly Note[]): Run[] {
  const inOrder = notes.toSorted(({ position: a }, { position: b }) => {
    return a.lane - b.lane || a.partition - b.partition || a.seq - b.seq;
  });
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const { position, code, atMs } of inOrder) {
    const { lane, partition, seq } = position;
    const follows =
      run?.lane === lane &&
      run.partition === partition &&
      run.code === code &&
      run.firstSeq + run.atMs.length === seq;
    if (run === undefined || !follows) runs.push((run = { lane, partition, firstSeq: seq, code, atMs: [] }));
    run.atMs.push(Math.round(atMs));
  }
  return runs;
}

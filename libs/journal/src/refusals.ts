import { type Database, GroupCommit } from '#database';

/** What was refused is kept for the operator, the newest this many; a hostile peer cannot fill the disk with it. */
const MAX_REFUSALS = 10_000;
const TRIM_EVERY = 100;

/** The bytes of an arrival that was refused, with the reason. */
interface Refusal {
  readonly channel: number;
  readonly receivedAtMs: number;
  readonly code: string;
  readonly reason: string;
  readonly raw: Buffer;
}

/** Keeps what was refused. What comes while a commit is in flight goes together into the next: a file may hold many bad rows. */
export class Refusals {
  private readonly group = new GroupCommit<Refusal, undefined>((refusals) => this.keepAll(refusals));
  private untrimmed = 0;

  constructor(private readonly database: Database) {}

  /** Resolves after the commit, so that it can be answered. */
  async keep(refusal: Refusal): Promise<void> {
    await this.group.add(refusal);
  }

  private async keepAll(refusals: readonly Refusal[]): Promise<undefined[]> {
    let start = 1;
    const starts = refusals.map(({ raw }) => {
      start += raw.length;
      return start - raw.length;
    });
    const rows = await this.database.query<{ id: number }>(
      `INSERT INTO refusal (channel, received_at, code, reason, raw)
       SELECT channel, to_timestamp(received / 1000), code, reason, substring($5::bytea FROM start FOR len)
       FROM unnest($1::smallint[], $2::float8[], $3::text[], $4::text[], $6::int[], $7::int[])
            WITH ORDINALITY AS r(channel, received, code, reason, start, len, ord)
       ORDER BY ord RETURNING id`,
      [
        refusals.map(({ channel }) => channel),
        refusals.map(({ receivedAtMs }) => receivedAtMs),
        refusals.map(({ code }) => code),
        refusals.map(({ reason }) => reason),
        Buffer.concat(refusals.map(({ raw }) => raw)),
        starts,
        refusals.map(({ raw }) => raw.length),
      ],
      'keep-refusals',
    );
    await this.trim(rows);
    return refusals.map(() => undefined);
  }

  private async trim(rows: readonly { id: number }[]): Promise<void> {
    this.untrimmed += rows.length;
    if (this.untrimmed < TRIM_EVERY) return;
    this.untrimmed = 0;
    const newest = Math.max(...rows.map(({ id }) => id));
    await this.database.query('DELETE FROM refusal WHERE id <= $1', [newest - MAX_REFUSALS]);
  }
}

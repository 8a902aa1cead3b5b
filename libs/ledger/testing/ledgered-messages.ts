import { hash as digestOf } from 'node:crypto';
import type { Database } from '#database';
import { journalMigrations } from '#journal';
import type { Position } from '#kernel';
import { commitment, encodeLedgerEntry, ledgerEntryHash, storeMigrations } from '#store';
import { deflateBlock } from '../../store/testing/deflate-block.js';
import { ledgerMigrations } from '../src/index.js';

export const allMigrations = [...journalMigrations, ...storeMigrations, ...ledgerMigrations];

const RECEIVED_AT_MS = Date.UTC(2024, 4, 17, 9, 30);

/** Raw bytes and FHIR bytes that every test message has: distinct per position, the same at every run. */
export function rawOf({ lane, partition, seq }: Position): Buffer {
  return Buffer.from(`MSH|^~\\&|LAB|H|||20240517||ORU^R01|${lane}-${partition}-${seq}|P|2.5\r`);
}

export function plainOf({ lane, partition, seq }: Position): Buffer {
  return Buffer.from(`{"resourceType":"Basic","id":"b${lane}x${partition}x${seq}"}`);
}

/**
 * Writes messages into a database as journal and transformer do, without running them: journal rows, packs with chained
 * entries, and the cursors, `count` more for each stream.
 */
export class LedgeredMessages {
  private readonly streams = new Map<string, { seq: number; hash: Buffer }>();

  constructor(private readonly database: Database) {}

  /** `replayOf`: these are replays of that message, whose bytes they have transformed again. */
  async add(lane: number, partition: number, count: number, replayOf?: Position): Promise<void> {
    const stream = this.streams.get(`${lane}-${partition}`) ?? { seq: 0, hash: Buffer.alloc(32) };
    const first = stream.seq + 1;
    const salts: Buffer[] = [];
    const entries: Buffer[] = [];
    const raws: Buffer[] = [];
    const packs: Buffer[] = [];
    let { hash } = stream;
    for (let seq = first; seq < first + count; seq++) {
      const position = { lane, partition, seq };
      const salt = Buffer.alloc(16, seq);
      const entry = encodeLedgerEntry({
        journalKind: replayOf === undefined ? 0 : 1,
        state: 1,
        timeMs: RECEIVED_AT_MS + seq,
        position,
        previous: hash,
        raw: commitment.raw(salt, rawOf(replayOf ?? position)),
        fhir: commitment.fhir(salt, [{ sha256: digestOf('sha256', plainOf(position), 'hex') }]),
        mapping: Buffer.alloc(32, 5),
      });
      hash = ledgerEntryHash(entry);
      salts.push(salt);
      entries.push(entry);
      raws.push(replayOf === undefined ? rawOf(position) : Buffer.alloc(0));
      packs.push(deflateBlock([plainOf(position)]));
    }
    this.streams.set(`${lane}-${partition}`, { seq: first + count - 1, hash });
    await this.insert({ lane, partition, seq: first }, { salts, entries, raws, packs }, hash, replayOf);
  }

  private async insert(
    { lane, partition, seq }: Position,
    columns: { salts: Buffer[]; entries: Buffer[]; raws: Buffer[]; packs: Buffer[] },
    hash: Buffer,
    replayOf: Position | undefined,
  ): Promise<void> {
    const { salts, entries, raws, packs } = columns;
    await this.database.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO journal (lane, partition, seq, kind, flags, channel, received_at, raw, refers_lane, refers_partition, refers_seq)
         SELECT $1, $2, $3::bigint + ord - 1, CASE WHEN $6::bigint IS NULL THEN 0 ELSE 1 END, 0, 1,
                to_timestamp(($4::float8 + $3::bigint + ord - 1) / 1000), raw, $7::smallint, $8::smallint, $6
         FROM unnest($5::bytea[]) WITH ORDINALITY AS m(raw, ord)`,
        [lane, partition, seq, RECEIVED_AT_MS, raws, replayOf?.seq, replayOf?.lane, replayOf?.partition],
      );
      await tx.query(
        `INSERT INTO pack (lane, partition, seq, state, channel, resources, stored_at, mapping, salt, entry, bytes)
         SELECT $1, $2, $3::bigint + ord - 1, 1, 1, 1, now(), $4, salt, entry, bytes
         FROM unnest($5::bytea[], $6::bytea[], $7::bytea[]) WITH ORDINALITY AS m(salt, entry, bytes, ord)`,
        [lane, partition, seq, Buffer.alloc(32, 5), salts, entries, packs],
      );
      await tx.query(
        `INSERT INTO cursor (lane, partition, seq, entry_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (lane, partition) DO UPDATE SET seq = excluded.seq, entry_hash = excluded.entry_hash`,
        [lane, partition, seq + entries.length - 1, hash],
      );
    });
  }
}

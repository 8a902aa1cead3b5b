import type { Database } from '#database';
import { formatPosition, type Position } from '#kernel';
import { hashLeaf } from '#merkle';
import { commitsTo, readEntry } from '#verify';
import type { AuditLog, FindingCode } from './audit-report.js';
import { eachWithBytes, readStored, type StoredBytes, type StoredMessage } from './stored-messages.js';

/** One message to be checked, with what the files say about it: nothing while it is not in a signed tree. */
export interface LedgeredMessage {
  readonly position: Position;
  /** The leaf hash that the tree holds. */
  readonly leafHash?: Buffer;
  /** The entry with that hash, from the bundle. */
  readonly entry?: Buffer;
}

/**
 * Hashes the stored bytes of messages again and compares them with their entries; follows each stream's chain. Keeps
 * one hash per stream.
 */
export class MessageAudit {
  private readonly streams = new Map<string, { seq: number; hash: Buffer }>();

  constructor(
    private readonly database: Database,
    private readonly log: AuditLog,
  ) {}

  /** The last message of a stream that was checked; 0 before the first. */
  lastOf(lane: number, partition: number): number {
    return this.streams.get(`${lane}-${partition}`)?.seq ?? 0;
  }

  /** Reads the rows: the caller needs the entries before it can tell which leaf hash is right. */
  read(wanted: readonly Position[]): Promise<StoredMessage[]> {
    return readStored(this.database, wanted);
  }

  /** Checks messages in the order of their leaves. `stored` are their rows, as `read` returned them. */
  async check(messages: readonly LedgeredMessage[], stored: readonly StoredMessage[]): Promise<void> {
    for (const [at, message] of messages.entries()) this.checkEntry(message, stored[at]);
    const byPosition = new Map(messages.map((message) => [formatPosition(message.position), message]));
    const present = stored.filter((row) => row.pack !== undefined);
    await eachWithBytes(this.database, present, (row, bytes) => {
      const message = byPosition.get(formatPosition(row.position));
      if (message !== undefined) this.checkBytes(message, row, bytes);
    });
  }

  private checkEntry({ position, leafHash, entry }: LedgeredMessage, row: StoredMessage | undefined): void {
    this.log.messages++;
    const stored = row?.pack?.entry;
    if (stored === undefined)
      this.note('MESSAGE_MISSING', position, 'its row is gone: what it became and its ledger entry');
    else if (leafHash !== undefined && !hashLeaf(stored).equals(leafHash))
      this.note('ENTRY_CHANGED', position, 'its ledger entry in the database is not the one in the tree');
    const bytes = entry ?? stored;
    this.follow(position, bytes, leafHash ?? (bytes && hashLeaf(bytes)));
  }

  /** The chain of the stream: no message left out, each entry pointing to the one before. */
  private follow(position: Position, entry: Buffer | undefined, hash: Buffer | undefined): void {
    const key = `${position.lane}-${position.partition}`;
    const before = this.streams.get(key) ?? { seq: 0, hash: Buffer.alloc(32) };
    this.streams.set(key, { seq: position.seq, hash: hash ?? Buffer.alloc(0) });
    const fields = entry && readEntry(entry);
    if (entry !== undefined && fields === undefined) {
      this.note('ENTRY_CHANGED', position, 'its ledger entry is of no known version');
      return;
    }
    if (position.seq !== before.seq + 1)
      this.note(
        'CHAIN_BROKEN',
        position,
        `the ledger goes from message ${before.seq} of its stream to this one`,
      );
    if (fields === undefined) return;
    if (
      fields.lane !== position.lane ||
      fields.partition !== position.partition ||
      fields.seq !== position.seq
    )
      this.note('CHAIN_BROKEN', position, 'its ledger entry is that of another message');
    // After a lost entry nothing is known of its hash; the loss itself has been named.
    else if (before.hash.length > 0 && !fields.previous.equals(before.hash))
      this.note('CHAIN_BROKEN', position, 'its ledger entry does not point to the entry before it');
  }

  private checkBytes(
    { position, entry }: LedgeredMessage,
    row: StoredMessage,
    { raw, fhir }: StoredBytes,
  ): void {
    const fields = row.pack && readEntry(entry ?? row.pack.entry);
    if (row.pack === undefined || fields === undefined) return;
    if (row.journalRows > 1) this.note('RAW_DOUBLED', position, 'the journal holds it more than once');
    if (row.journalRows === 0 || raw === undefined)
      this.note('RAW_MISSING', position, 'its received bytes are gone from the journal');
    else if (!commitsTo(fields, 'raw', row.pack.salt, raw))
      this.note('RAW_CHANGED', position, 'its received bytes are not those that were ledgered');
    if (fhir === undefined || !commitsTo(fields, 'fhir', row.pack.salt, fhir))
      this.note('FHIR_CHANGED', position, 'its FHIR bytes are not those that were ledgered');
    const changed: string[] = [];
    if (fields.state !== row.pack.state) changed.push('state');
    if (!fields.mapping.equals(row.pack.mapping)) changed.push('mapping');
    if (row.journalRows > 0 && fields.kind !== row.kind + 1) changed.push('kind');
    if (row.journalRows > 0 && fields.receivedAtMs !== row.receivedAtMs) changed.push('time of receipt');
    if (changed.length > 0)
      this.note('FACTS_CHANGED', position, `not what was ledgered: ${changed.join(', ')}`);
  }

  private note(code: FindingCode, message: Position, detail: string): void {
    this.log.add({ code, message, detail });
  }
}

import type { Database } from '#database';
import { type Checkpoint, type NoteVerifier, openCheckpoint, type Tree } from '#merkle';
import { messageOf, newestHead, type RecordedHead, recordedHeads } from '../ledger-tables.js';
import type { AuditLog } from './audit-report.js';

const HEADS_PER_READ = 1_000;

/** Compares every head that was ever signed with the tree as it is computed now. */
export class HeadAudit {
  private next: RecordedHead[] = [];
  private readUpTo = 0;
  private exhausted = false;
  /** The largest head whose root the tree still has. */
  private good = 0;
  private differs = false;
  private root: Buffer | undefined;

  constructor(
    private readonly database: Database,
    private readonly key: NoteVerifier,
    private readonly log: AuditLog,
  ) {}

  /** Call after each leaf: when a head of that size was signed, it is checked. */
  async passed(tree: Tree): Promise<void> {
    const head = await this.upcoming();
    if (head === undefined || head.size > tree.size) return;
    this.next.shift();
    await this.check(head, tree.root());
  }

  /** The whole tree has been computed. */
  end(tree: Tree): void {
    this.root = tree.root();
  }

  /** The signed head of the files against the computed root. */
  compare({ root, size }: Checkpoint, file: string): void {
    this.log.heads++;
    if (this.root === undefined || this.root.equals(root) || this.differs) return;
    const detail = `the root over all ${size} leaves is not the signed one: what was changed lies after leaf ${this.good}`;
    this.log.add({ code: 'ROOT_DIFFERS', file, leaves: [this.good, size - 1], detail });
  }

  /** Heads beyond the file's: the file is older than what has been signed. */
  async beyond(size: number): Promise<void> {
    const newest = await newestHead(this.database, Number.MAX_SAFE_INTEGER);
    // A head may be signed and recorded while the audit runs; an older file stays older.
    if (newest === undefined || newest.size <= size || newest.at.getTime() > Date.now() - 60_000) return;
    const detail = `a tree of ${newest.size} has been signed, the file's has ${size}: it was put back to an older state`;
    this.log.add({ code: 'HEAD_INVALID', file: 'checkpoint', detail });
  }

  private async upcoming(): Promise<RecordedHead | undefined> {
    if (this.next.length === 0 && !this.exhausted) {
      this.next = await recordedHeads(this.database, this.readUpTo, Number.MAX_SAFE_INTEGER, HEADS_PER_READ);
      this.exhausted = this.next.length < HEADS_PER_READ;
      this.readUpTo = this.next.at(-1)?.size ?? this.readUpTo;
    }
    return this.next[0];
  }

  private async check(head: RecordedHead, root: Buffer): Promise<void> {
    this.log.heads++;
    const opened = openCheckpoint(head.note, this.key);
    if (!opened.opened || opened.checkpoint.size !== head.size || !opened.checkpoint.root.equals(head.root)) {
      const detail = `the recorded head of size ${head.size} is not signed by the log's key, or not what was signed`;
      this.log.add({ code: 'HEAD_INVALID', detail });
      return;
    }
    if (head.root.equals(root)) {
      if (!this.differs) this.good = head.size;
      return;
    }
    if (this.differs) return; // every later root differs as well; the first one tells where
    this.differs = true;
    const leaves = [this.good, head.size - 1] as const;
    this.log.add({
      code: 'ROOT_DIFFERS',
      leaves,
      messages: [await messageOf(this.database, leaves[0]), await messageOf(this.database, leaves[1])],
      detail: `the root over the first ${head.size} leaves is not the signed one: one of these entries was replaced everywhere`,
    });
  }
}

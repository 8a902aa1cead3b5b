import type { Position } from '#kernel';

/** What can be wrong. Each names the first thing a person should look at. */
export type FindingCode =
  /** The message's row with its FHIR bytes and entry is gone. */
  | 'MESSAGE_MISSING'
  /** The received bytes are gone, changed, or there twice. */
  | 'RAW_MISSING'
  | 'RAW_CHANGED'
  | 'RAW_DOUBLED'
  /** The stored FHIR bytes are not those ledgered. */
  | 'FHIR_CHANGED'
  /** Kind, state, time of receipt or mapping in the rows are not those ledgered. */
  | 'FACTS_CHANGED'
  /** The entry in the database is not the one in the tree. */
  | 'ENTRY_CHANGED'
  /** An entry does not follow on the one before it in its stream. */
  | 'CHAIN_BROKEN'
  /** The tables do not say which message a leaf is, or say that a message has a leaf which it has not. */
  | 'LEAVES_UNASSIGNED'
  | 'CURSOR_AHEAD'
  /** A file is gone, or differs from the database and the other files. */
  | 'FILE_MISSING'
  | 'BUNDLE_CHANGED'
  | 'TILE_CHANGED'
  /** A signed head is not signed by the log's key, or its root is not the tree's. */
  | 'HEAD_INVALID'
  | 'ROOT_DIFFERS';

export interface Finding {
  readonly code: FindingCode;
  /** The one message it is about. */
  readonly message?: Position;
  /** The file, relative to the ledger's directory. */
  readonly file?: string;
  /** First and last leaf concerned, and the messages these are. */
  readonly leaves?: readonly [number, number];
  readonly messages?: readonly [Position | undefined, Position | undefined];
  /** In words; never message content. */
  readonly detail: string;
}

export interface AuditReport {
  /** Nothing was found. */
  readonly sound: boolean;
  /** Leaves in the signed tree. */
  readonly size: number;
  /** Messages whose stored bytes were hashed again. */
  readonly messages: number;
  /** Of these, how many are not in a signed tree yet. */
  readonly waiting: number;
  /** Signed heads that were checked. */
  readonly heads: number;
  /** At most 1,000. */
  readonly findings: readonly Finding[];
  /** All findings, also those that are not listed. */
  readonly found: number;
}

const MAX_FINDINGS = 1_000;

/** Gathers findings and counts in bounded memory. */
export class AuditLog {
  private readonly kept: Finding[] = [];
  private found = 0;
  messages = 0;
  waiting = 0;
  heads = 0;

  constructor(private readonly onFinding: (finding: Finding) => void) {}

  add(finding: Finding): void {
    this.found++;
    if (this.kept.length < MAX_FINDINGS) this.kept.push(finding);
    this.onFinding(finding);
  }

  report(size: number): AuditReport {
    const { kept: findings, found, messages, waiting, heads } = this;
    return { sound: found === 0, size, messages, waiting, heads, findings, found };
  }
}

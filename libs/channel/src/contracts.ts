import type { EngineError, Position } from '#kernel';

/** One received unit as a source hands it over: the bytes exactly as they came, nothing decoded. */
export interface Arrival {
  /** Name of the channel whose source received it. */
  readonly channel: string;
  readonly raw: Buffer;
  readonly receivedAtMs: number;
  /** Why the source could not take it whole: `raw` is how it began, to be kept for the operator and refused. */
  readonly unfit?: string;
  /** What makes it the same arrival when it comes again; absent: its bytes. */
  readonly identity?: Buffer;
}

/** Where in an HL7 v2 message a refusal points, for the ERR segment (table 0357 code, ERL location). */
export interface Hl7Refusal {
  readonly acknowledgment: 'AE' | 'AR';
  /** HL7 table 0357, for instance '100' segment sequence error, '200' unsupported message type. */
  readonly condition: string;
  /** For instance 'MSH^1^9'; empty when no place can be named. */
  readonly location: string;
}

/**
 * What became of an arrival.
 * - journaled: the bytes are committed with fsync; only now may a positive acknowledgment be written (I1).
 * - refused: the bytes can never pass; they are kept for the operator.
 * - uncertain: the commit may or may not have happened; say nothing, close the transport, let the sender resend.
 */
export type Receipt =
  | {
      readonly outcome: 'journaled';
      readonly position: Position | undefined;
      readonly duplicate: boolean;
      readonly controlIdReused: boolean;
    }
  | { readonly outcome: 'refused'; readonly error: EngineError; readonly hl7: Hl7Refusal }
  | { readonly outcome: 'uncertain' };

/** Makes an arrival durable. Resolves when its fate is known; never rejects for content or load. */
export type Receive = (arrival: Arrival) => Promise<Receipt>;

/** Called once an acknowledgment left, or could not leave, for a journaled message. */
export type Acknowledged = (position: Position, code: string, atMs: number) => void;

/** Where messages enter. After a crash a source has lost nothing it confirmed, because it confirms after `receive`. */
export interface Source {
  readonly channel: string;
  /** Opens the transport and resolves with what a person needs to reach it, for instance 'mllp://127.0.0.1:2575'. */
  start(receive: Receive, acknowledged: Acknowledged): Promise<string>;
  /** Stops reading from the transport without closing it (back-pressure, I7). */
  pause(): void;
  resume(): void;
  /** Takes no more, answers what is in flight within `graceMs`, closes. */
  stop(graceMs: number): Promise<void>;
}

/** One message on its way to one destination; the same number and bytes at every attempt (I3). */
export interface Outbound {
  readonly destination: string;
  readonly partition: number;
  /** Gap-free in (destination, partition), from 1. */
  readonly number: number;
  readonly position: Position;
  readonly channel: string;
  /** The JSON texts of the message's resources in order, exactly as stored. Not to be changed. */
  readonly resources: readonly Buffer[];
  /** Reads the message exactly as it was received. Rejects `rejected` when the journal no longer holds it. */
  readonly raw: () => Promise<Buffer>;
}

/**
 * `uncertain`: may have arrived, and is sent again with the same number and bytes. `retryAfterMs`: the receiver asks not to
 * be tried before.
 */
export type SendOutcome =
  | { readonly sent: true }
  | { readonly sent: false; readonly error: EngineError; readonly retryAfterMs?: number };

/** Where messages leave. Keeps no state of its own: what has been sent is known to the database alone. */
export interface Destination {
  readonly name: string;
  /** Sends one message. An EngineError that it rejects with is a failure as one that it resolves with. */
  send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome>;
  close(): Promise<void>;
}

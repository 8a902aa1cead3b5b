import { frameMaxBytesDefault } from '#hl7v2';

/** Certificate files in PEM. With `clientCaFile` only senders with a certificate of that authority get in. */
export interface MllpTlsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile?: string;
}

export interface MllpSourceOptions {
  readonly channel: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: MllpTlsOptions;
  /** Addresses and networks (CIDR) that may connect; absent: all. */
  readonly allow?: readonly string[];
  readonly frameMaxBytes?: number;
  /** A connection on which nothing moves for so long is closed. */
  readonly idleTimeoutMs?: number;
  /** A frame must be complete so long after its first byte, or the connection is closed. */
  readonly frameTimeoutMs?: number;
  readonly maxConnections?: number;
  /** Messages of one connection that may wait for their acknowledgment; then its socket is not read. */
  readonly maxUnanswered?: number;
  /** Acknowledgments a sender may leave unread; then its socket is not read. */
  readonly maxUnsentBytes?: number;
  /** Bytes of all connections that are received and not yet answered; then only one frame at a time grows. */
  readonly maxBytesInFlight?: number;
  /** Bytes between frames that a connection may send in a row; then it is closed, it is no MLLP sender. */
  readonly maxGarbageBytes?: number;
  /** Silence after which the kernel asks whether the peer is still there. */
  readonly keepAliveMs?: number;
  /** Told of what an operator wants to see; never holds message content. Must not throw. */
  readonly report?: (event: MllpSourceEvent) => void;
}

export const mllpSourceDefaults = {
  frameMaxBytes: frameMaxBytesDefault,
  idleTimeoutMs: 600_000,
  frameTimeoutMs: 60_000,
  maxConnections: 4_096,
  maxUnanswered: 64,
  maxUnsentBytes: 262_144,
  maxBytesInFlight: 67_108_864,
  maxGarbageBytes: 65_536,
  keepAliveMs: 30_000,
} as const;

export type MllpSourceLimits = { readonly [key in keyof typeof mllpSourceDefaults]: number };

export type CloseReason =
  | 'peer'
  | 'transport'
  | 'idle'
  | 'frame-timeout'
  | 'acknowledgments-unread'
  | 'uncertain'
  | 'garbage'
  | 'frame-too-large'
  | 'batch-too-long'
  | 'stopped';

/** What happens on the wire beside good messages. `remote` is address and port. */
export type MllpSourceEvent =
  | {
      readonly event: 'connection-refused';
      readonly remote: string;
      readonly reason: 'limit' | 'address' | 'tls';
      /** Code of the TLS error. */
      readonly detail: string;
    }
  | {
      readonly event: 'connection-closed';
      readonly remote: string;
      readonly reason: CloseReason;
      /** Messages whose acknowledgment could not leave. */
      readonly unanswered: number;
    }
  | { readonly event: 'frame-broken'; readonly remote: string; readonly length: number }
  | { readonly event: 'garbage-skipped'; readonly remote: string; readonly length: number }
  | {
      readonly event: 'batch-problem';
      readonly remote: string;
      readonly code: string;
      readonly detail: string;
    }
  | { readonly event: 'receive-failed'; readonly remote: string; readonly code: string };

/** Counts since the start; for metrics. */
export interface MllpSourceCounters {
  connectionsOpen: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  messagesReceived: number;
  acknowledgmentsSent: number;
  framesBroken: number;
  framesTooLarge: number;
  garbageBytes: number;
  batchProblems: number;
}

/** The limits of a source: what the options say, else the named defaults. */
export function limitsOf(options: MllpSourceOptions): MllpSourceLimits {
  const limit = (name: keyof typeof mllpSourceDefaults) => options[name] ?? mllpSourceDefaults[name];
  return {
    frameMaxBytes: limit('frameMaxBytes'),
    idleTimeoutMs: limit('idleTimeoutMs'),
    frameTimeoutMs: limit('frameTimeoutMs'),
    maxConnections: limit('maxConnections'),
    maxUnanswered: limit('maxUnanswered'),
    maxUnsentBytes: limit('maxUnsentBytes'),
    maxBytesInFlight: limit('maxBytesInFlight'),
    maxGarbageBytes: limit('maxGarbageBytes'),
    keepAliveMs: limit('keepAliveMs'),
  };
}

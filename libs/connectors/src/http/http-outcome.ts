import type { IncomingHttpHeaders } from 'node:http';
import type { SendOutcome } from '#channel';
import { EngineError, isEngineError, systemClock } from '#kernel';

/** What came back for one request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False: it was longer than was read. */
  readonly isWhole: boolean;
}

/**
 * Statuses by which a receiver speaks of itself or of our credentials, not of this message. Every message would meet
 * them, so a dead letter for each would empty the stream into the dead: it waits until a person has put it right.
 */
const ENDPOINT_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 410, 421, 426]);
/** Request Timeout, Too Early, Too Many Requests, Service Unavailable: the same request may pass later. */
const LATER_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 503]);

/** What a status of a whole answer means; undefined: the receiver has it (2xx). Statuses as in RFC 9110, section 15. */
export function classifyStatus(status: number): EngineError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (LATER_STATUSES.has(status)) {
    return new EngineError('unavailable', 'DESTINATION_BUSY', `the receiver answers ${status}: later`);
  }
  // A redirect is not followed: it would carry the message to an address that nobody has approved.
  if (ENDPOINT_STATUSES.has(status) || (status >= 300 && status < 400)) {
    return new EngineError(
      'misconfigured',
      'DESTINATION_MISADDRESSED',
      `the receiver answers ${status} to any message: check its address and our credentials`,
    );
  }
  if (status >= 400 && status < 500) {
    return new EngineError(
      'rejected',
      'DESTINATION_REFUSED',
      `the receiver refuses this message with ${status}`,
    );
  }
  return new EngineError(
    'uncertain',
    'DESTINATION_FAILED',
    `the receiver failed with ${status}; it may have the message`,
  );
}

/** A receiver that asks for more than this is asked again nevertheless. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What an answer means that says all by its status, and by Retry-After when it is not to be tried again before some time. */
export function judgeStatus(answer: HttpAnswer): SendOutcome {
  const error = classifyStatus(answer.status);
  return error === undefined ? { sent: true } : failedWith(answer, error);
}

/** The failure that an answer told, with what it says of the next attempt (RFC 9110, section 10.2.3). */
export function failedWith({ headers }: HttpAnswer, error: EngineError): SendOutcome {
  const text = headers['retry-after'];
  if (text === undefined) return { sent: false, error };
  const afterMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - systemClock.nowMs();
  return afterMs > 0
    ? { sent: false, error, retryAfterMs: Math.min(afterMs, MAX_RETRY_AFTER_MS) }
    : { sent: false, error };
}

/** Codes of Node and OpenSSL for a certificate or handshake that does not pass. */
const TLS_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** What a broken transport means. `unsent`: `unavailable` when nothing was written, else `uncertain`. */
export function classifyFailure(error: Error, unsent: 'unavailable' | 'uncertain'): EngineError {
  if (isEngineError(error)) return error; // ours: the address policy
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (TLS_CODE.test(code)) {
    return new EngineError(
      'misconfigured',
      'DESTINATION_TLS_REFUSED',
      `TLS to the receiver failed: ${code}`,
      {
        cause: error,
      },
    );
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    return new EngineError(
      'misconfigured',
      'DESTINATION_REQUEST_INVALID',
      'HTTP cannot carry this header or address',
      {
        cause: error,
      },
    );
  }
  return unsent === 'unavailable'
    ? new EngineError(unsent, 'DESTINATION_UNREACHABLE', `the receiver cannot be reached (${code})`, {
        cause: error,
      })
    : new EngineError(
        unsent,
        'DESTINATION_NO_ANSWER',
        `the connection ended without a whole answer (${code})`,
        {
          cause: error,
        },
      );
}

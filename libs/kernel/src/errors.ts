/**
 * What an error decides. One kind, one decision; nothing is ever decided from message text.
 *
 * | kind          | meaning                                   | engine does                          |
 * |---------------|-------------------------------------------|--------------------------------------|
 * | rejected      | this content can never pass               | dead letter                          |
 * | unavailable   | works later, nothing happened yet         | retry with backoff                   |
 * | uncertain     | may or may not have happened              | resend only to an idempotent partner |
 * | denied        | policy or consent says no                 | stop, access log                     |
 * | misconfigured | a channel, mapping or setting is wrong    | pause it, name file and line         |
 * | bug           | an assertion failed                       | dead letter, alert                   |
 */
export type ErrorKind = 'rejected' | 'unavailable' | 'uncertain' | 'denied' | 'misconfigured' | 'bug';

/**
 * The one error class of the engine. `code` is stable, upper snake case and listed in docs/errors.md.
 * `message` is for people and never holds message content (invariant I6).
 */
export class EngineError extends Error {
  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'EngineError';
  }
}

/** True when `error` is an EngineError, of one of `kinds` if any are given. */
export function isEngineError(error: unknown, ...kinds: ErrorKind[]): error is EngineError {
  return error instanceof EngineError && (kinds.length === 0 || kinds.includes(error.kind));
}

/** Throws a `bug` when `condition` is false. For what can only be false if this program is wrong. */
export function assert(condition: unknown, code: string, detail = ''): asserts condition {
  if (!condition) throw new EngineError('bug', code, detail === '' ? code : `${code}: ${detail}`);
}

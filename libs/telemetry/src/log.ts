import pino from 'pino';
import { type EngineError, isEngineError } from '#kernel';

/** Names, numbers and states that say where and how much; never a value out of a message (I6). */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/** JSON lines on stderr. `event` is a fixed sentence, so that lines can be counted; what varies stands in `facts`. */
export interface Log {
  debug(event: string, facts?: Facts): void;
  info(event: string, facts?: Facts): void;
  warn(event: string, facts?: Facts): void;
  /** `error` is told by kind and code; see `describeError`. */
  error(event: string, error: unknown, facts?: Facts): void;
  /** The same log with `facts` on every line. */
  with(facts: Facts): Log;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Opens the log of a process. */
export function openLog(application: string, level: LogLevel): Log {
  const logger = pino(
    { level, base: { application }, messageKey: 'event', timestamp: pino.stdTimeFunctions.isoTime },
    // Written at once: the last lines before an end are the ones that are wanted.
    pino.destination({ fd: 2, sync: true }),
  );
  return logOf(logger, new Map());
}

function logOf(logger: pino.Logger, repeated: Repeated): Log {
  return {
    debug: (event, facts = {}) => logger.debug(facts, event),
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, error, facts = {}) => {
      const description = describeError(error);
      const repeats = repeatsToTell(repeated, event, description, facts);
      if (repeats !== undefined) logger.error({ ...facts, error: description, ...repeats }, event);
    },
    with: (facts) => logOf(logger.child(facts), repeated),
  };
}

/** What waits for something that is away asks again and again: the same complaint is told once in this time, with a count. */
const repeatAfterMs = 5_000;
const maxRemembered = 1_000;

type Repeated = Map<string, { readonly toldAtMs: number; untold: number }>;

function repeatsToTell(
  repeated: Repeated,
  event: string,
  { kind, code }: ErrorFacts,
  facts: Facts,
): { repeated?: number } | undefined {
  if (kind !== 'unavailable') return {};
  const key = JSON.stringify([event, code, facts]);
  const nowMs = Date.now();
  const last = repeated.get(key);
  if (last !== undefined && nowMs - last.toldAtMs < repeatAfterMs) {
    last.untold += 1;
    return undefined;
  }
  if (repeated.size >= maxRemembered) repeated.clear();
  repeated.set(key, { toldAtMs: nowMs, untold: 0 });
  return last === undefined || last.untold === 0 ? {} : { repeated: last.untold };
}

interface ErrorFacts {
  readonly kind?: EngineError['kind'];
  readonly code: string;
  readonly message?: string;
  readonly at?: readonly string[];
  readonly cause?: ErrorFacts;
}

const maxCauses = 4;
const maxFrames = 8;

/**
 * What may be written of an error. Texts of our own errors hold no message content; those of others (a JSON parser, a
 * database) may quote what they choked on, so only their code and the places in the code are told.
 */
export function describeError(error: unknown, causes = 0): ErrorFacts {
  if (!(error instanceof Error)) return { code: typeof error };
  const cause =
    error.cause === undefined || causes === maxCauses
      ? {}
      : { cause: describeError(error.cause, causes + 1) };
  if (isEngineError(error)) {
    const { kind, code, message } = error;
    return { kind, code, message, ...(kind === 'bug' ? { at: framesOf(error) } : {}), ...cause };
  }
  const code = (error as { code?: unknown }).code;
  return { code: typeof code === 'string' ? code : error.name, at: framesOf(error), ...cause };
}

function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  // The text in front of the frames is the message, which may have any number of lines.
  return lines.filter((line) => line.startsWith('at ')).slice(0, maxFrames);
}

import type { MessagePort } from 'node:worker_threads';
import { EngineError, type ErrorKind, isEngineError } from '#kernel';
import { describeError } from '#telemetry';
import type { NumberedChannel } from '../channel-catalog.js';
import type { Settings } from '../settings.js';

/** Roles that can run in a thread of their own. */
export type ThreadRoleName = 'ingest' | 'files' | 'deliver';

/** All that a thread is given: plain data, and ports to the process. */
export interface ThreadPlan {
  readonly role: ThreadRoleName;
  readonly application: string;
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly installation: string;
  readonly channels: readonly NumberedChannel[];
  readonly destinations: ReadonlyMap<string, number>;
  readonly queuePort: MessagePort;
  /** Where what the process stored comes in, for a role that delivers it. */
  readonly packPort: MessagePort | undefined;
}

/**
 * What a thread is asked: to run a role (answered with its announcements), what is wrong with it (a sentence, or nothing),
 * its figures (text), to stop the role in order.
 */
export type ThreadQuestion =
  | { readonly ask: 'start'; readonly id: number; readonly plan: ThreadPlan }
  | { readonly ask: 'trouble' | 'metrics' | 'stop'; readonly id: number };

export type ThreadAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error that crosses to another thread: it keeps its kind, on which what is done depends. */
interface Failure {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
}

export function failureOf(error: unknown): Failure {
  if (isEngineError(error)) return { kind: error.kind, code: error.code, message: error.message };
  return { kind: 'bug', code: 'THREAD_FAILED', message: JSON.stringify(describeError(error)) };
}

export function errorOf({ kind, code, message }: Failure): EngineError {
  return new EngineError(kind, code, message);
}

import type { Dispatcher } from 'undici';
import type { SendOutcome } from '#channel';
import { EngineError } from '#kernel';
import { classifyFailure, classifyStatus } from './http-outcome.js';

/** One POST: the whole of it in memory, headers as name, value, name, value. */
export interface HttpPost {
  readonly origin?: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string | Buffer;
  /** For everything: connection, request, and the answer to its last byte. */
  readonly timeoutMs: number;
}

/** More of an answer is not read: the status has said it, and a receiver must not fill our memory or our time. */
const MAX_ANSWER_BYTES = 64 * 1024;

const SENT: SendOutcome = { sent: true };

/**
 * Sends one POST and reads its answer to the end; never rejects. `unavailable` when nothing was written, `uncertain`
 * when the request may have arrived and no whole answer came back.
 */
export function postOnce(dispatcher: Dispatcher, post: HttpPost, signal: AbortSignal): Promise<SendOutcome> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(failed(new EngineError('unavailable', 'DESTINATION_STOPPED', 'sending was broken off')));
      return;
    }
    const answer = new Answer(resolve, post.timeoutMs, signal);
    dispatcher.dispatch(
      {
        ...(post.origin === undefined ? {} : { origin: post.origin }),
        path: post.path,
        method: 'POST',
        headers: post.headers as string[],
        body: post.body,
        // The deadline below bounds all of it, a receiver that drips one byte at a time included.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      answer,
    );
  });
}

/** Follows one request. Settles once, whatever comes first: the answer, an error, the deadline or the signal. */
class Answer implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private status: number | undefined;
  private received = 0;
  private settled = false;
  private readonly deadline: NodeJS.Timeout;
  private readonly onAbort = () => {
    this.breakOff(new EngineError(this.unsent(), 'DESTINATION_STOPPED', 'sending was broken off'));
  };

  constructor(
    private readonly resolve: (outcome: SendOutcome) => void,
    timeoutMs: number,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', this.onAbort);
    this.deadline = setTimeout(() => {
      this.breakOff(
        new EngineError(this.unsent(), 'DESTINATION_TIMEOUT', `no whole answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
  }

  /** Called right before the request is written, and again if undici takes another connection for it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It was given up while it waited for a connection: now it must not leave any more.
    if (this.settled) controller.abort(new Error('given up before it was sent'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode >= 200) this.status = statusCode;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.received += chunk.length;
    if (this.received <= MAX_ANSWER_BYTES || this.settled) return;
    this.settle(this.outcome());
    this.controller?.abort(new Error('the answer is longer than anybody reads'));
  }

  onResponseEnd(): void {
    this.settle(this.outcome());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.settle(failed(classifyFailure(error, this.unsent())));
  }

  private outcome(): SendOutcome {
    const error = classifyStatus(this.status ?? 0);
    return error === undefined ? SENT : failed(error);
  }

  private unsent(): 'unavailable' | 'uncertain' {
    return this.controller === undefined ? 'unavailable' : 'uncertain';
  }

  private breakOff(error: EngineError): void {
    if (this.settled) return;
    this.settle(failed(error));
    this.controller?.abort(error);
  }

  private settle(outcome: SendOutcome): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.deadline);
    this.signal.removeEventListener('abort', this.onAbort);
    this.resolve(outcome);
  }
}

function failed(error: EngineError): SendOutcome {
  return { sent: false, error };
}

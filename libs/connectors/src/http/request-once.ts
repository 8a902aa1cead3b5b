import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { SendOutcome } from '#channel';
import { EngineError } from '#kernel';
import { classifyFailure, type HttpAnswer, judgeStatus } from './http-outcome.js';

/** One request: the whole of it in memory, headers as name, value, name, value. */
export interface HttpRequest {
  /** Default POST. */
  readonly method?: 'POST' | 'PUT';
  readonly origin?: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string | Buffer;
  /** For everything: connection, request, and the answer to its last byte. */
  readonly timeoutMs: number;
  /** What the answer means, with its body, of which at most `maxAnswerBytes` are kept. Default: its status says it. */
  readonly judge?: ((answer: HttpAnswer) => SendOutcome) | undefined;
  /** Default 64 KiB. More is not read: a receiver must not fill our memory or our time. */
  readonly maxAnswerBytes?: number | undefined;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Sends one request and reads its answer to the end; never rejects. `unavailable` when nothing was written, `uncertain`
 * when the request may have arrived and no whole answer came back.
 */
export function requestOnce(
  dispatcher: Dispatcher,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<SendOutcome> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(failed(new EngineError('unavailable', 'DESTINATION_STOPPED', 'sending was broken off')));
      return;
    }
    const answer = new Answer(resolve, request, signal);
    dispatcher.dispatch(
      {
        ...(request.origin === undefined ? {} : { origin: request.origin }),
        path: request.path,
        method: request.method ?? 'POST',
        headers: request.headers as string[],
        body: request.body,
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
  private status = 0;
  private headers: IncomingHttpHeaders = {};
  private received = 0;
  private readonly kept: Buffer[] = [];
  private settled = false;
  private readonly deadline: NodeJS.Timeout;
  private readonly onAbort = () => {
    this.breakOff(new EngineError(this.unsent(), 'DESTINATION_STOPPED', 'sending was broken off'));
  };

  constructor(
    private readonly resolve: (outcome: SendOutcome) => void,
    private readonly request: HttpRequest,
    private readonly signal: AbortSignal,
  ) {
    const { timeoutMs } = request;
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

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (statusCode < 200) return;
    this.status = statusCode;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.received += chunk.length;
    if (this.settled) return;
    if (this.received <= (this.request.maxAnswerBytes ?? MAX_ANSWER_BYTES)) {
      if (this.request.judge) this.kept.push(chunk);
      return;
    }
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
    const { judge = judgeStatus, maxAnswerBytes = MAX_ANSWER_BYTES } = this.request;
    const isWhole = this.received <= maxAnswerBytes;
    return judge({ status: this.status, headers: this.headers, body: Buffer.concat(this.kept), isWhole });
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

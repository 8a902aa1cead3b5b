import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  NotFoundException,
} from '@nestjs/common';
import { throwError } from 'rxjs';
import { type EngineError, isEngineError } from '#kernel';
import { allowedMethods, endsInName } from './allowed-methods.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { httpMeaning, statusMeaning } from './http-status.js';
import type { Route } from './interaction.js';
import { type OutcomeIssue, operationOutcome } from './operation-outcome.js';
import { FHIR_JSON } from './representation.js';

interface ToldError {
  readonly status: number;
  readonly issue: string;
  readonly code: string;
  readonly message: string;
  readonly at: string | undefined;
}

/** Tells every error: as an OperationOutcome under /fhir, as plain JSON elsewhere. Errors of ours are reported too. */
@Catch()
export class FhirExceptionFilter implements ExceptionFilter {
  /** `routes`: all that is routed, for what an address takes instead. */
  constructor(
    private readonly report: (error: unknown) => void,
    private readonly routes: readonly Route[],
  ) {}

  catch(exception: unknown, host: ArgumentsHost): unknown {
    // Queue workers and listeners of the same process have their own ways with errors.
    if (host.getType() !== 'http') return throwError(() => exception);
    const http = host.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const reply = http.getResponse<HttpReply>();
    answerError(exception, request, reply, this.report, this.routes);
    return undefined;
  }
}

/** Answers with what `error` means over HTTP, unless an answer has gone out already. */
export function answerError(
  error: unknown,
  request: Pick<HttpRequest, 'url' | 'method'>,
  reply: HttpReply,
  report: (error: unknown) => void,
  routes: readonly Route[] = [],
): void {
  const told = toldTo(request, error, routes);
  if (told.status === 405 && !reply.sent) {
    const others = allowedMethods(request.url, routes).filter((method) => method !== request.method);
    reply.header('allow', others.join(', '));
  }
  if (told.status >= 500) report(error);
  if (reply.sent) return;
  reply.code(told.status);
  if (told.status === 503) reply.header('retry-after', '1');
  if (told.status === 429) reply.header('retry-after', '120');
  if (/^\/fhir(\/|\?|$)/.test(request.url)) {
    reply.header('content-type', FHIR_JSON).send(outcomeOf(error, told));
  } else {
    const { code, message } = told;
    reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify({ code, message }));
  }
}

/** Status and OperationOutcome of an error, for an entry of a batch. */
export function refusalOf(error: EngineError): { readonly status: number; readonly outcome: string } {
  const told = tell(error);
  return { status: told.status, outcome: outcomeOf(error, told) };
}

function outcomeOf(error: unknown, told: ToldError): string {
  const severity = told.status >= 500 ? 'fatal' : 'error';
  return operationOutcome(issuesOf(error) ?? [{ severity, ...told }]);
}

/** The same, where the address is one that takes other methods. */
function toldTo(
  { url, method }: Pick<HttpRequest, 'url' | 'method'>,
  error: unknown,
  routes: readonly Route[],
): ToldError {
  // A pattern may have taken for a type or an id what is neither.
  const isNoType = isEngineError(error, 'rejected') && error.code === 'RESOURCE_TYPE_UNKNOWN';
  if (isUnrouted(error) || isNoType || endsInName(url)) {
    const allowed = allowedMethods(url, routes);
    if (allowed.length > 0 && !allowed.includes(method)) return { ...statusMeaning(405), at: undefined };
  }
  return tell(error);
}

function tell(exception: unknown): ToldError {
  if (isEngineError(exception)) {
    const { kind, code, message, cause } = exception;
    return { ...httpMeaning(kind, code), code, message, at: placeOf(cause) };
  }
  return { ...statusMeaning(statusOf(exception)), at: undefined };
}

/** Errors about one parameter or element carry its place as `cause.at`. */
function placeOf(cause: unknown): string | undefined {
  const at = typeof cause === 'object' && cause !== null ? (cause as { at?: unknown }).at : undefined;
  return typeof at === 'string' ? at : undefined;
}

/** Nest's own answer to an address and method without a handler. */
function isUnrouted(error: unknown): boolean {
  return error instanceof NotFoundException;
}

/** An error about a resource carries all that is wrong with it as `cause.issues`. */
function issuesOf(error: unknown): readonly OutcomeIssue[] | undefined {
  const cause = isEngineError(error) ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'issues' in cause
    ? (cause.issues as readonly OutcomeIssue[])
    : undefined;
}

/** Nest's and Fastify's own errors carry a status; anything else is a fault of ours. */
function statusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  const status =
    typeof exception === 'object' && exception !== null
      ? (exception as { statusCode?: unknown }).statusCode
      : 0;
  return typeof status === 'number' ? status : 500;
}

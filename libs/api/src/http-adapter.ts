import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { answerError } from './fhir-exception-filter.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { statusMeaning } from './http-status.js';
import { operationOutcome } from './operation-outcome.js';
import { FHIR_JSON } from './representation.js';

/** A head and body that take longer than this come from a client that holds the connection for its own sake. */
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;
/** The longest id of FHIR has 64 characters. */
const MAX_PARAMETER_LENGTH = 100;

/** The Fastify adapter that `ApiModule` needs: errors that come before any route are told as all others are. */
export function createHttpAdapter(report: (error: unknown) => void): FastifyAdapter {
  return new FastifyAdapter({
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Clients that join addresses post Bundles to `/fhir/`.
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH, ignoreTrailingSlash: true },
    // Fastify's own type of a reply depends on schemas that no route here has.
    clientErrorHandler: answerMalformed,
    frameworkErrors: ((error: Error, request: HttpRequest, reply: HttpReply) =>
      answerError(error, request, reply, report)) as never,
  });
}

const malformed: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** What is not HTTP, or too much or too late for it, has no request yet; it is told all the same, and the connection closed. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = malformed[error.code ?? ''] ?? 400;
  const { issue, code, message } = statusMeaning(status);
  const body = operationOutcome([{ severity: 'error', issue, code, message }]);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${FHIR_JSON}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

import { FastifyAdapter } from '@nestjs/platform-fastify';
import { answerError } from './fhir-exception-filter.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';

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
    frameworkErrors: ((error: Error, request: HttpRequest, reply: HttpReply) =>
      answerError(error, request, reply, report)) as never,
  });
}

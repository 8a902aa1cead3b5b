import type { Readable } from 'node:stream';
import type { Caller } from '#access';

/** What this library uses of a request as Fastify gives it. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: Readonly<Record<string, string>>;
  /** The text of a body of FHIR or a form, the bytes of any other; undefined when there was none. */
  readonly body: unknown;
  readonly protocol: string;
  readonly host: string;
  /** The route that was found; its `url` is the pattern. */
  readonly routeOptions: { readonly url?: string };
  /** Address of the other side of the connection. */
  readonly ip: string;
  /** Where the connection ends here. */
  readonly socket: { readonly localAddress?: string; readonly localPort?: number };
  /** Who asks; undefined where nobody needs to be known. */
  caller?: Caller;
}

/** What this library uses of a reply as Fastify gives it. */
export interface HttpReply {
  readonly sent: boolean;
  readonly statusCode: number;
  /** Milliseconds since the request came in. */
  readonly elapsedTime: number;
  code(status: number): HttpReply;
  header(name: string, value: string): HttpReply;
  removeHeader(name: string): HttpReply;
  send(body?: string | Buffer | Readable): HttpReply;
  getHeader(name: string): unknown;
}

/** What this library uses of the Fastify server itself. */
export interface HttpServer {
  decorateRequest(name: 'caller', value: undefined): void;
  addHook(
    name: 'onRequest' | 'onResponse',
    hook: (request: HttpRequest, reply: HttpReply, done: (error?: Error) => void) => void,
  ): void;
  addHook(
    name: 'onSend',
    hook: (
      request: HttpRequest,
      reply: HttpReply,
      payload: unknown,
      done: (error: Error | null, payload?: unknown) => void,
    ) => void,
  ): void;
  readonly server: { address(): string | { readonly address: string; readonly port: number } | null };
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    type: string | string[],
    options: { parseAs: 'string' | 'buffer'; bodyLimit: number },
    parse: (
      request: HttpRequest,
      body: string | Buffer,
      done: (error: Error | null, body?: string | Buffer) => void,
    ) => void,
  ): void;
  /** The body goes to the handler as it arrives. */
  addContentTypeParser(
    type: string[],
    parse: (
      request: HttpRequest,
      body: Readable,
      done: (error: Error | null, body?: Readable) => void,
    ) => void,
  ): void;
}

/** The query of a URL as decoded pairs in order; names may repeat. */
export function queryPairs(url: string): [name: string, value: string][] {
  const mark = url.indexOf('?');
  return mark < 0 ? [] : [...new URLSearchParams(url.slice(mark + 1))];
}

/** All parameters of a request: those of its URL, then those of the form of a search (R4 http, section 3.1.0.11). */
export function requestPairs({ url, body }: HttpRequest): [name: string, value: string][] {
  const isForm = typeof body === 'string' && /\/_search\/?(\?|$)/.test(url);
  return [...queryPairs(url), ...(isForm ? new URLSearchParams(body) : [])];
}

/** A header that may stand several times, as one text. */
export function headerText(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

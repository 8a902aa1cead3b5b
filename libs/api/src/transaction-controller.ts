import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { request as requestOf } from 'undici';
import { type BundleEntry, bundleOf, type FhirObject, readJson, writeJson } from '#fhir';
import { assert, type EngineError, isEngineError } from '#kernel';
import type { ResourceWrite, WriteAnswer } from '#pipeline';
import { mayAsk, requireAllowed } from './admission.js';
import { API_SERVICES, type ApiServices } from './api-services.js';
import { type AskedEntry, bundleRequest, writeOf } from './bundle-request.js';
import { BundleSubscriptions } from './bundle-subscriptions.js';
import { refusalOf } from './fhir-exception-filter.js';
import { type HttpReply, type HttpRequest, type HttpServer, headerText } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { FHIR_JSON, preferredReturn, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { bodyText, ofType, readBody } from './request-body.js';
import { requirementForEntry } from './request-needs.js';
import { outcomeOfWrite } from './resource-reply.js';

/** Transaction and batch (R4 http, section 3.1.0.11). The access token was checked before the body was read. */
@Controller('fhir')
export class TransactionController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  @Post()
  @Interaction('transaction')
  async bundle(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const asked = bundleRequest(ofType(readBody(request, 'Bundle'), 'Bundle'));
    const entries =
      asked.type === 'transaction'
        ? await this.transaction(request, asked.entries)
        : await this.batch(request, asked.entries);
    const base = `${fhirAddress(request, this.services)}/`;
    const type = asked.type === 'transaction' ? 'transaction-response' : 'batch-response';
    reply
      .code(200)
      .header('content-type', FHIR_JSON)
      .send(bundleOf(type, entries, { base }));
  }

  /** All of what writes, or nothing; then what reads, which sees it (section 3.1.0.11.2: GET comes last). */
  private async transaction(request: HttpRequest, entries: readonly AskedEntry[]): Promise<BundleEntry[]> {
    const ownUrl = fhirAddress(request, this.services);
    const writes: { readonly entry: AskedEntry; readonly write: ResourceWrite }[] = [];
    const filings = new BundleSubscriptions(this.services.subscriptions);
    for (const entry of entries) {
      const writing = entry.method !== 'GET' && entry.method !== 'HEAD';
      if (writing && !filings.take(entry)) writes.push({ entry, write: writeOf(entry) });
    }
    for (const entry of entries) requireEntryAllowed(request, entry);
    const raw = Buffer.from(`${request.method} ${request.url}\n${bodyText(request)}`);
    const answers = await this.services.writes.run(
      writes.map(({ write }) => write),
      { raw, ownUrl, mayAsk: mayAsk(request.caller), alongside: filings.alongside },
    );
    const byEntry = new Map([
      ...writes.map(({ entry }, index) => [entry, answers[index]] as const),
      ...filings.committed(),
    ]);
    const wanted = headerText(request, 'prefer') === undefined ? 'minimal' : preferredReturn(request);
    const replies: BundleEntry[] = [];
    for (const entry of entries) {
      const answer = byEntry.get(entry);
      replies.push(answer ? writtenEntry(answer, ownUrl, wanted) : await this.ask(request, entry));
    }
    return replies;
  }

  /** Each by itself, in order: what fails costs itself. */
  private async batch(
    request: HttpRequest,
    entries: readonly (AskedEntry | EngineError)[],
  ): Promise<BundleEntry[]> {
    const replies: BundleEntry[] = [];
    for (const entry of entries)
      replies.push(isEngineError(entry) ? refusedEntry(entry) : await this.ask(request, entry));
    return replies;
  }

  /** Where this process listens, over the loopback interface where that is possible. */
  private ownOrigin(): string {
    const at = this.host.httpAdapter.getInstance<HttpServer>().server.address();
    assert(at !== null && typeof at === 'object', 'API_NOT_LISTENING');
    const host = at.address === '0.0.0.0' || at.address === '::' ? '127.0.0.1' : at.address;
    return `http://${host.includes(':') ? `[${host}]` : host}:${at.port}`;
  }

  /** Asks this server as the client would by itself, with its token. */
  private async ask(request: HttpRequest, entry: AskedEntry): Promise<BundleEntry> {
    const headers: Record<string, string> = { host: request.host, ...entry.headers };
    const token = headerText(request, 'authorization');
    if (token !== undefined) headers['authorization'] = token;
    const sent = entry.jsonPatch ?? (entry.resource && writeJson(entry.resource));
    if (sent !== undefined)
      headers['content-type'] = `application/${entry.jsonPatch === undefined ? 'fhir' : 'json-patch'}+json`;
    const payload = sent === undefined ? {} : { body: sent };
    // As a URL, for what is not ASCII in it is escaped then.
    const answer = await requestOf(new URL(entry.url, `${this.ownOrigin()}/fhir/`), {
      method: entry.method,
      headers,
      ...payload,
    });
    const got = answer.headers;
    const { statusCode } = answer;
    const body = await answer.body.text();
    const text = (name: string) => (typeof got[name] === 'string' ? { [name]: got[name] } : {});
    const modified = got['last-modified'];
    const response = {
      status: String(statusCode),
      ...text('location'),
      ...text('etag'),
      ...(typeof modified === 'string' ? { lastModified: new Date(modified).toISOString() } : {}),
    };
    if (body === '') return { response };
    if (statusCode >= 400) return { response: { ...response, outcome: readJson(body) as FhirObject } };
    return { resource: body, response };
  }
}

/** Each entry requires what it would by itself; nothing is written when one of them is not allowed. */
function requireEntryAllowed({ caller }: HttpRequest, { at, method, url, headers }: AskedEntry): void {
  const requirement = requirementForEntry(method, url, headers);
  if (requirement !== 'open') requireAllowed(caller, requirement, `${at}.request`);
}

function refusedEntry(error: EngineError): BundleEntry {
  const { status, outcome } = refusalOf(error);
  return { response: { status: String(status), outcome: readJson(outcome) as FhirObject } };
}

function writtenEntry(
  answer: WriteAnswer,
  address: string,
  wanted: ReturnType<typeof preferredReturn>,
): BundleEntry {
  const status = String(answer.status);
  const etag = answer.version === undefined ? {} : { etag: `W/"${answer.version}"` };
  const told =
    wanted === 'OperationOutcome' ? { outcome: readJson(outcomeOfWrite('done')) as FhirObject } : {};
  if (answer.status === 204) return { response: { status, ...etag, ...told } };
  const { type, id, version, lastUpdatedMs, text } = answer;
  const fullUrl = `${address}/${type}/${id}`;
  const lastModified = new Date(lastUpdatedMs).toISOString();
  const response = { status, location: `${fullUrl}/_history/${version}`, ...etag, lastModified, ...told };
  return wanted === 'representation' ? { fullUrl, resource: text, response } : { fullUrl, response };
}

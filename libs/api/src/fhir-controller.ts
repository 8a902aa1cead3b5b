import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { type BundleLink, bundleText, historyEntry, matchEntry, outcomeEntry } from './bundle-text.js';
import { CAPABILITIES, type Capabilities } from './capabilities.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { operationOutcome } from './operation-outcome.js';
import { FHIR_JSON, isLenient, requireJsonWanted } from './representation.js';
import { fhirAddress } from './request-address.js';
import { replyVersion, unknownResource } from './resource-reply.js';

const DEFAULT_HISTORY_COUNT = 50;
const MAX_HISTORY_COUNT = 1_000;
/** Parameters of every request (R4 http, section 3.1.0.1.11) that are dealt with before a search reads its own. */
const generalParameters = new Set(['_format']);

type Pairs = [name: string, value: string][];

/** FHIR R4 REST for every resource type. Texts go out as they are stored; nothing is serialised again. */
@Controller('fhir')
export class FhirController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
    @Inject(CAPABILITIES) private readonly capabilities: Capabilities,
  ) {}

  @Get('metadata')
  @Interaction('capabilities')
  metadata(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    requireJsonWanted(request);
    reply
      .header('content-type', FHIR_JSON)
      .send(this.capabilities.statement(fhirAddress(request, this.services)));
  }

  @Get(':type/:id')
  @Interaction('read')
  async read(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireJsonWanted(request);
    const { type, id } = target(request);
    replyVersion(request, reply, await this.reader.read(type, id));
  }

  @Get(':type/:id/_history/:version')
  @Interaction('vread')
  async readVersion(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireJsonWanted(request);
    const { type, id } = target(request);
    const version = request.params['version'] ?? '';
    if (!/^[1-9]\d{0,9}$/.test(version)) throw unknownResource();
    replyVersion(request, reply, await this.reader.version(type, id, Number(version)));
  }

  @Get(':type/:id/_history')
  @Interaction('history-instance')
  async history(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireJsonWanted(request);
    const { type, id } = target(request);
    const { paging, followed } = historyPaging(queryPairs(request.url));
    const page = await this.reader.history(type, id, paging);
    if (page === undefined) throw unknownResource();
    const address = fhirAddress(request, this.services);
    const url = `${address}/${type}/${id}/_history`;
    const links = pageLinks(url, followed, page.next?.toString());
    const entries = page.versions.map((version) => historyEntry(address, version));
    reply.header('content-type', FHIR_JSON).send(bundleText('history', page.total, links, entries));
  }

  @Get(':type')
  @Interaction('search-type')
  async search(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answerSearch(request, reply, queryPairs(request.url));
  }

  /** The same by form, for queries that should not stand in logs of addresses. */
  @Post(':type/_search')
  async searchByForm(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const form = typeof request.body === 'string' ? [...new URLSearchParams(request.body)] : [];
    await this.answerSearch(request, reply, [...queryPairs(request.url), ...form]);
  }

  @Post(':type')
  create(@Req() request: HttpRequest, @Res() reply: HttpReply): never {
    throw notSupported(request, reply, 'GET, HEAD');
  }

  @Put(':type/:id')
  update(@Req() request: HttpRequest, @Res() reply: HttpReply): never {
    throw notSupported(request, reply, 'GET, HEAD');
  }

  @Patch(':type/:id')
  patch(@Req() request: HttpRequest, @Res() reply: HttpReply): never {
    throw notSupported(request, reply, 'GET, HEAD');
  }

  @Delete(':type/:id')
  remove(@Req() request: HttpRequest, @Res() reply: HttpReply): never {
    throw notSupported(request, reply, 'GET, HEAD');
  }

  /** Transaction and batch. */
  @Post()
  bundle(@Req() request: HttpRequest, @Res() reply: HttpReply): never {
    throw notSupported(request, reply, '');
  }

  private async answerSearch(request: HttpRequest, reply: HttpReply, query: Pairs): Promise<void> {
    requireJsonWanted(request);
    const { type } = target(request);
    const address = fhirAddress(request, this.services);
    const pairs = query.filter(([name]) => !generalParameters.has(name));
    const found = await this.reader.search(type, pairs, { lenient: isLenient(request), ownUrl: address });
    const entries: string[] = [];
    for (const match of found.matches) {
      if (!match.deleted) entries.push(matchEntry(address, type, match.id, match.text));
    }
    if (found.ignored.length > 0) entries.push(outcomeEntry(ignoredOutcome(found.ignored)));
    const links = pageLinks(`${address}/${type}`, found.followed, found.next);
    // By form it is a POST, for which the framework would say 201.
    reply
      .code(200)
      .header('content-type', FHIR_JSON)
      .send(bundleText('searchset', found.total, links, entries));
  }
}

/** Type and id of the address. Throws `rejected` RESOURCE_TYPE_UNKNOWN (404) for a type that R4 does not have. */
function target(request: HttpRequest): { type: string; id: string } {
  const { type = '', id = '' } = request.params;
  if (isResourceType(type)) return { type, id };
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

function notSupported(request: HttpRequest, reply: HttpReply, allowed: string): EngineError {
  if (request.params['type'] !== undefined) target(request);
  reply.header('allow', allowed);
  return new EngineError(
    'rejected',
    'INTERACTION_NOT_SUPPORTED',
    'resources come in as messages; over HTTP they are read and searched, and only Subscription is written',
  );
}

function pageLinks(
  url: string,
  followed: readonly (readonly [string, string])[],
  next?: string,
): BundleLink[] {
  const link = (
    relation: BundleLink['relation'],
    pairs: readonly (readonly [string, string])[],
  ): BundleLink => {
    const query = new URLSearchParams(
      pairs.map(([name, value]): [string, string] => [name, value]),
    ).toString();
    return { relation, url: query === '' ? url : `${url}?${query}` };
  };
  const links = [link('self', followed)];
  if (next !== undefined) links.push(link('next', [...followed, ['_page', next]]));
  return links;
}

function historyPaging(pairs: Pairs): {
  paging: { count: number; before: number | undefined; sinceMs: number | undefined };
  followed: Pairs;
} {
  let count = DEFAULT_HISTORY_COUNT;
  let before: number | undefined;
  let sinceMs: number | undefined;
  const followed: Pairs = [];
  for (const [name, value] of pairs) {
    if (generalParameters.has(name)) continue;
    const at = { cause: { at: `http.${name}` } };
    if (name === '_count' && /^[1-9]\d{0,8}$/.test(value)) count = Math.min(Number(value), MAX_HISTORY_COUNT);
    else if (name === '_page' && /^[1-9]\d{0,9}$/.test(value)) before = Number(value);
    else if (name === '_since' && !Number.isNaN(Date.parse(value.replace(' ', '+')))) {
      sinceMs = Date.parse(value.replace(' ', '+'));
    } else if (name === '_count' || name === '_page' || name === '_since') {
      throw new EngineError(
        'rejected',
        'SEARCH_VALUE_INVALID',
        `'${name}' has no value that it can have`,
        at,
      );
    } else {
      throw new EngineError(
        'rejected',
        'SEARCH_PARAMETER_UNKNOWN',
        `a history has no parameter '${name.slice(0, 64)}'; it has _count, _since, _format`,
        at,
      );
    }
    if (name !== '_page') followed.push([name, value]);
  }
  return { paging: { count, before, sinceMs }, followed };
}

function ignoredOutcome(names: readonly string[]): string {
  return operationOutcome(
    names.map((name) => ({
      severity: 'warning',
      issue: 'not-supported',
      code: 'SEARCH_PARAMETER_UNKNOWN',
      message: `the search parameter '${name.slice(0, 64)}' is unknown and was skipped`,
      at: `http.${name.slice(0, 64)}`,
    })),
  );
}

import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { bundleOf, isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { replyRaw, wantsRaw } from './binary.js';
import { CAPABILITIES, type Capabilities } from './capabilities.js';
import { historyEntry, parseHistoryQuery, versionOfPage } from './history.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { pageLinks } from './page-links.js';
import { FHIR_JSON, requireFormat } from './representation.js';
import { fhirAddress, tokenEndpoints } from './request-address.js';
import { replyVersion, unknownResource } from './resource-reply.js';

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
    requireFormat(request);
    const [tokenEndpoint = ''] = tokenEndpoints(request, this.services);
    const address = fhirAddress(request, this.services);
    reply.header('content-type', FHIR_JSON).send(this.capabilities.statement(address, tokenEndpoint));
  }

  @Get(':type/:id')
  @Interaction('read')
  async read(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { type, id } = target(request);
    if (type === 'Binary' && wantsRaw(request)) {
      const found = await this.reader.read(type, id);
      if (found && !found.deleted) return replyRaw(request, reply, found);
      return replyVersion(request, reply, found);
    }
    requireFormat(request);
    replyVersion(request, reply, await this.reader.read(type, id));
  }

  @Get(':type/:id/_history/:version')
  @Interaction('vread')
  async readVersion(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const { type, id } = target(request);
    const version = request.params['version'] ?? '';
    if (!/^[1-9]\d{0,9}$/.test(version)) throw unknownResource();
    replyVersion(request, reply, await this.reader.version(type, id, Number(version)));
  }

  @Get(':type/:id/_history')
  @Interaction('history-instance')
  async history(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const { type, id } = target(request);
    const { followed, ...asked } = parseHistoryQuery(queryPairs(request.url));
    const page = await this.reader.history(type, id, { ...asked, before: versionOfPage(asked.page) });
    if (page === undefined) throw unknownResource();
    const address = fhirAddress(request, this.services);
    const links = pageLinks(request, `${address}/${type}/${id}/_history`, followed, page.next?.toString());
    const entries = page.versions.map((version) => historyEntry(address, version));
    const text = bundleOf('history', entries, { base: `${address}/`, total: page.total, links });
    reply.header('content-type', FHIR_JSON).send(text);
  }
}

/** Type and id of the address. Throws `rejected` RESOURCE_TYPE_UNKNOWN (404) for a type that R4 does not have. */
function target(request: HttpRequest): { type: string; id: string } {
  const { type = '', id = '' } = request.params;
  if (isResourceType(type)) return { type, id };
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

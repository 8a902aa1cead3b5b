import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { bundleOf, isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { historyEntry, pageOfPlace, parseHistoryQuery, placeOfPage } from './history.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { pageLinks } from './page-links.js';
import { FHIR_JSON, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';

/** The history of a type and of everything (R4 http, section 3.1.0.11), in the order in which it was stored. */
@Controller('fhir')
export class HistoryController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
  ) {}

  @Get('_history')
  @Interaction('history-system')
  async ofSystem(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply, undefined);
  }

  @Get(':type/_history')
  @Interaction('history-type')
  async ofType(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { type = '' } = request.params;
    if (!isResourceType(type))
      throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
    await this.answer(request, reply, type);
  }

  private async answer(request: HttpRequest, reply: HttpReply, type: string | undefined): Promise<void> {
    requireFormat(request);
    const { followed, page, ...asked } = parseHistoryQuery(queryPairs(request.url));
    const after = placeOfPage(page);
    const { versions, next } = await this.reader.changes({ ...asked, type, after }, Date.now());
    const address = fhirAddress(request, this.services);
    const url = type === undefined ? `${address}/_history` : `${address}/${type}/_history`;
    const links = pageLinks(request, url, followed, next && pageOfPlace(next));
    const entries = versions.map((version) => historyEntry(address, version));
    const text = bundleOf('history', entries, { base: `${address}/`, links });
    reply.header('content-type', FHIR_JSON).send(text);
  }
}

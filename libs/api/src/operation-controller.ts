import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { type BundleEntry, bundleOf, type FhirObject, isResourceType, readJson, writeJson } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader, ResourceVersion } from '#store';
import { mayAsk, requireAllowed } from './admission.js';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { parseEverything, readEverything } from './everything.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { lastObservations } from './last-observations.js';
import { labelsInUse, metaOfParameters, metaParameters, withMeta, withoutMeta } from './meta-operation.js';
import { bodyPairs } from './operation-parameters.js';
import { pageLinks } from './page-links.js';
import { FHIR_JSON, isGeneralParameter, isLenient, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { bodyText, resourceOf } from './request-body.js';
import { reachOf } from './request-needs.js';
import { unknownResource } from './resource-reply.js';

/** Operations on what is stored: the record of a patient, the last observations, labels. */
@Controller('fhir')
export class OperationController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
  ) {}

  @Get('Patient/:id/$everything')
  async everything(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.records(request, reply, request.params['id'] ?? '');
  }

  @Post('Patient/:id/$everything')
  async everythingByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.everything(request, reply);
  }

  @Get('Patient/$everything')
  async everythingOfAll(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.records(request, reply, undefined);
  }

  @Post('Patient/$everything')
  async everythingOfAllByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.everythingOfAll(request, reply);
  }

  @Get('Observation/$lastn')
  async lastn(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const pairs = [...queryPairs(request.url), ...bodyPairs(request)].filter(
      ([name]) => !isGeneralParameter(name),
    );
    // What a body reaches was not seen at admission.
    requireAllowed(request.caller, reachOf(pairs));
    const address = fhirAddress(request, this.services);
    const options = { lenient: isLenient(request), ownUrl: address };
    const entries = await lastObservations(this.reader, pairs, options);
    const links = pageLinks(request, `${address}/Observation/$lastn`, pairs);
    const text = bundleOf('searchset', entries, { base: `${address}/`, total: entries.length, links });
    reply.header('content-type', FHIR_JSON).send(text);
  }

  @Post('Observation/$lastn')
  async lastnByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.lastn(request, reply);
  }

  @Get(':type/:id/$meta')
  async meta(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const { type, id } = target(request);
    const text = requireCurrent(await this.reader.read(type, id));
    reply.header('content-type', FHIR_JSON).send(writeJson(metaParameters(readJson(text) as FhirObject)));
  }

  @Post(':type/:id/$meta')
  async metaByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.meta(request, reply);
  }

  @Get(['$meta', ':type/$meta'])
  async metaOfAll(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const isOfType = request.params['type'] !== undefined;
    const meta = await labelsInUse(this.reader, isOfType ? [target(request).type] : undefined);
    reply.header('content-type', FHIR_JSON).send(writeJson(metaParameters({ meta })));
  }

  @Post(['$meta', ':type/$meta'])
  async metaOfAllByPost(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.metaOfAll(request, reply);
  }

  @Post(':type/:id/$meta-add')
  async metaAdd(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.changeMeta(request, reply, withMeta);
  }

  @Post(':type/:id/$meta-delete')
  async metaDelete(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.changeMeta(request, reply, withoutMeta);
  }

  private async records(request: HttpRequest, reply: HttpReply, id: string | undefined): Promise<void> {
    requireFormat(request);
    const asked = parseEverything([...queryPairs(request.url), ...bodyPairs(request)]);
    if (id !== undefined) requireCurrent(await this.reader.read('Patient', id));
    const page = await readEverything(this.reader, id, asked);
    const address = fhirAddress(request, this.services);
    const own = `${address}/Patient/${id === undefined ? '' : `${id}/`}$everything`;
    const links = pageLinks(request, own, asked.followed, page.next?.toString());
    const entries: (string | BundleEntry)[] = [...page.belonging];
    for (const resource of page.supporting) entries.push({ resource, search: 'include' });
    const text = bundleOf('searchset', entries, { base: `${address}/`, links });
    reply.header('content-type', FHIR_JSON).send(text);
  }

  /** As a patch, so it is a version, and in the ledger, like every change. */
  private async changeMeta(
    request: HttpRequest,
    reply: HttpReply,
    change: (resource: FhirObject, meta: FhirObject) => FhirObject,
  ): Promise<void> {
    requireFormat(request);
    const meta = metaOfParameters(resourceOf(request, 'Parameters'));
    const patch = (resource: FhirObject) => change(resource, meta);
    const raw = Buffer.from(`${request.method} ${request.url}\n${bodyText(request)}`);
    const ownUrl = fhirAddress(request, this.services);
    const [answer] = await this.services.writes.run([{ method: 'PATCH', ...target(request), patch }], {
      raw,
      ownUrl,
      mayAsk: mayAsk(request.caller),
    });
    if (answer?.status !== 200) throw unknownResource();
    const parameters = metaParameters(readJson(answer.text) as FhirObject);
    reply.code(200).header('content-type', FHIR_JSON).send(writeJson(parameters));
  }
}

/** Type and id of the address. Throws `rejected` RESOURCE_TYPE_UNKNOWN (404). */
function target(request: HttpRequest): { type: string; id: string } {
  const { type = '', id = '' } = request.params;
  if (isResourceType(type)) return { type, id };
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

/** The text of what is there. Throws `rejected` RESOURCE_UNKNOWN (404), RESOURCE_DELETED (410). */
function requireCurrent(found: ResourceVersion | undefined): string {
  if (found === undefined) throw unknownResource();
  if (!found.deleted) return found.text;
  throw new EngineError(
    'rejected',
    'RESOURCE_DELETED',
    `the resource was deleted as version ${found.version}`,
  );
}

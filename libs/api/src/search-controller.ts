import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { type BundleEntry, bundleOf, isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader, ResourceVersion } from '#store';
import { requireAllowed } from './admission.js';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { type HttpReply, type HttpRequest, requestPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { operationOutcome } from './operation-outcome.js';
import { pageLinks } from './page-links.js';
import { FHIR_JSON, isGeneralParameter, isLenient, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { reachOf } from './request-needs.js';
import { requireShape } from './shape-answer.js';

/** FHIR R4 search: of a type, of a compartment, of several types; each by address and by form. */
@Controller('fhir')
export class SearchController {
  constructor(
    @Inject(API_SERVICES) private readonly services: ApiServices,
    @Inject(RESOURCE_READER) private readonly reader: ResourceReader,
  ) {}

  @Get()
  @Interaction('search-system')
  async searchSystem(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  @Post('_search')
  async searchSystemByForm(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  @Get(':type')
  @Interaction('search-type')
  async search(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  /** The same by form, for queries that should not stand in logs of addresses. */
  @Post(':type/_search')
  async searchByForm(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  /** `Patient/1/Observation`: what of a type belongs to a resource; `Patient/1/*`: all that does. */
  @Get(':owner/:id/:type')
  async searchCompartment(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  @Post(':owner/:id/:type/_search')
  async searchCompartmentByForm(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answer(request, reply);
  }

  private async answer(request: HttpRequest, reply: HttpReply): Promise<void> {
    requireFormat(request);
    const { owner, id = '', type } = request.params;
    if (owner !== undefined) requireResourceType(owner);
    if (type !== undefined && !(type === '*' && owner !== undefined)) requireResourceType(type);
    const asked = requestPairs(request);
    // The form was not there yet when the request was let in.
    requireAllowed(request.caller, reachOf(asked));
    requireShape(request);
    const pairs = asked.filter(isOfSearch);
    const address = fhirAddress(request, this.services);
    const indexBehind = await this.reader.indexBehind();
    const found = await this.reader.search(type, pairs, {
      lenient: isLenient(request),
      ownUrl: address,
      ...(owner === undefined ? {} : { compartment: { type: owner, id } }),
    });
    const entries = [
      ...entriesOf(found.matches, 'match'),
      ...entriesOf(found.included, 'include'),
      ...(found.ignored.length === 0 ? [] : [ignoredEntry(found.ignored)]),
      ...(indexBehind === 0 ? [] : [incompleteEntry(indexBehind)]),
    ];
    const path = [address, owner, owner && id, type].filter((part) => part !== undefined).join('/');
    const links = pageLinks(request, path, found.followed, found.next);
    const total = found.total === undefined ? {} : { total: found.total };
    const text = bundleOf('searchset', entries, { base: `${address}/`, links, ...total });
    // By form it is a POST, for which the framework would say 201.
    reply.code(200).header('content-type', FHIR_JSON).send(text);
  }
}

/** A count is asked of the search; every other summary only shapes the answer. */
function isOfSearch([name, value]: readonly [string, string]): boolean {
  return !isGeneralParameter(name) || (name === '_summary' && value === 'count');
}

/** Throws `rejected` RESOURCE_TYPE_UNKNOWN (404) for a type that R4 does not have. */
function requireResourceType(type: string): void {
  if (isResourceType(type)) return;
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

function entriesOf(versions: readonly ResourceVersion[], search: 'match' | 'include'): BundleEntry[] {
  return versions.flatMap((version) => (version.deleted ? [] : [{ resource: version.text, search }]));
}

/** While the index is brought up to a new build, a search may miss what an older one stored. */
function incompleteEntry(behind: number): BundleEntry {
  const message = `the search index is being brought up to this version; of at most ${behind} resources that were stored before, some may be missing here: ask again later`;
  const issue = { severity: 'warning', issue: 'incomplete', code: 'SEARCH_INDEX_BEHIND', message } as const;
  return { resource: operationOutcome([issue]), search: 'outcome' };
}

function ignoredEntry(names: readonly string[]): BundleEntry {
  const resource = operationOutcome(
    names.map((name) => ({
      severity: 'warning',
      issue: 'not-supported',
      code: 'SEARCH_PARAMETER_UNKNOWN',
      message: `the search parameter '${name.slice(0, 64)}' is unknown and was skipped`,
      at: `http.${name.slice(0, 64)}`,
    })),
  );
  return { resource, search: 'outcome' };
}

import { Controller, Delete, Get, Inject, Post, Put, Req, Res } from '@nestjs/common';
import { bundleOf, type FhirObject } from '#fhir';
import { assert } from '#kernel';
import type { ResourceVersion } from '#store';
import { API_SERVICES, type ApiServices, type SubscriptionVersion } from './api-services.js';
import { type HttpReply, type HttpRequest, requestPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { pageLinks } from './page-links.js';
import { FHIR_JSON, isGeneralParameter, isLenient, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { invalidBody, ofType, readBody } from './request-body.js';
import { replyVersion, replyWritten, unknownResource } from './resource-reply.js';
import { isSubscriptionParameter, searchSubscriptions } from './subscription-search.js';
import { subscriptionText } from './subscription-text.js';

/** FHIR Subscriptions. The access token was checked before the body was read. */
@Controller('fhir/Subscription')
export class SubscriptionController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  @Post()
  @Interaction('create')
  async create(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const created = await this.services.subscriptions.create(readSubscription(request));
    this.replyWritten(request, reply.code(201), created);
  }

  @Put(':id')
  @Interaction('update')
  async update(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const id = request.params['id'] ?? '';
    const resource = readSubscription(request);
    if (resource['id'] !== id) {
      throw invalidBody('the id of the resource must be the id of the address', 'Subscription.id');
    }
    const updated = await this.services.subscriptions.update(id, resource);
    this.replyWritten(request, reply.code(updated.created ? 201 : 200), updated);
  }

  @Delete(':id')
  @Interaction('delete')
  async remove(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    // Deleting what is not there is no error (R4 http, section 3.1.0.7).
    await this.services.subscriptions.remove(request.params['id'] ?? '');
    reply.code(204).send();
  }

  @Get(':id')
  async read(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const found = await this.services.subscriptions.read(request.params['id'] ?? '');
    replyVersion(request, reply, found && textOf(found));
  }

  @Get(':id/_history/:version')
  async readVersion(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const found = await this.services.subscriptions.read(request.params['id'] ?? '');
    // Former versions of a subscription are not kept.
    if (found === undefined || String(found.version) !== request.params['version']) throw unknownResource();
    replyVersion(request, reply, textOf(found));
  }

  @Get()
  async search(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answerSearch(request, reply);
  }

  @Post('_search')
  async searchByForm(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answerSearch(request, reply);
  }

  private async answerSearch(request: HttpRequest, reply: HttpReply): Promise<void> {
    requireFormat(request);
    // What is not known is told, or skipped for those who prefer that.
    const lenient = isLenient(request);
    const isAsked = ([name, value]: readonly [string, string]) =>
      isGeneralParameter(name)
        ? name === '_summary' && value === 'count'
        : !lenient || isSubscriptionParameter(name);
    const pairs = requestPairs(request).filter(isAsked);
    const { subscriptions, clock } = this.services;
    const found = await searchSubscriptions(subscriptions, pairs, clock.nowMs());
    const address = fhirAddress(request, this.services);
    const entries = found.matches.flatMap((one) => {
      const version = textOf(one);
      return version.deleted ? [] : [version.text];
    });
    const links = pageLinks(request, `${address}/Subscription`, found.followed, found.next);
    const total = found.total === undefined ? {} : { total: found.total };
    const text = bundleOf('searchset', entries, { base: `${address}/`, links, ...total });
    // By form it is a POST, for which the framework would say 201.
    reply.code(200).header('content-type', FHIR_JSON).send(text);
  }

  private replyWritten(request: HttpRequest, reply: HttpReply, written: SubscriptionVersion): void {
    const version = textOf(written);
    assert(!version.deleted, 'SUBSCRIPTION_WRITTEN_DELETED');
    replyWritten(request, reply, version, fhirAddress(request, this.services));
  }
}

/** The body as a Subscription; what it asks for is checked by the registry. */
function readSubscription(request: HttpRequest): FhirObject {
  return ofType(readBody(request, 'Subscription'), 'Subscription');
}

function textOf(found: SubscriptionVersion): ResourceVersion {
  const { id, version, lastUpdatedMs, deleted } = found;
  const head = { type: 'Subscription', id, version, lastUpdatedMs };
  return deleted ? { ...head, deleted: true } : { ...head, deleted: false, text: subscriptionText(found) };
}

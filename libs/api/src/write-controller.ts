import { Controller, Delete, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceWrite, WriteAnswer } from '#pipeline';
import { mayAsk } from './admission.js';
import { API_SERVICES, type ApiServices } from './api-services.js';
import { type HttpReply, type HttpRequest, queryPairs } from './http-exchange.js';
import { Interaction } from './interaction.js';
import { headersOf } from './preconditions.js';
import { FHIR_JSON, isGeneralParameter, preferredReturn, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { patchOf, resourceOf } from './request-body.js';
import { outcomeOfWrite, replyWritten } from './resource-reply.js';

/** What writes single resources (R4 http, sections 3.1.0.4 to 3.1.0.8). The access token was checked before the body was read. */
@Controller('fhir')
export class WriteController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  @Post(':type')
  @Interaction('create')
  async create(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const type = typeOf(request);
    const { ifNoneExist } = headersOf(request);
    const resource = resourceOf(request, type);
    await this.answer(request, reply, { method: 'POST', type, criteria: ifNoneExist, resource });
  }

  @Put(':type/:id')
  @Interaction('update')
  async update(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.put(request, reply, { id: idOf(request) });
  }

  @Put(':type')
  async updateByCondition(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.put(request, reply, { criteria: criteriaOf(request) });
  }

  @Patch(':type/:id')
  @Interaction('patch')
  async patch(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.patchWhere(request, reply, { id: idOf(request) });
  }

  @Patch(':type')
  async patchByCondition(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.patchWhere(request, reply, { criteria: criteriaOf(request) });
  }

  @Delete(':type/:id')
  @Interaction('delete')
  async remove(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { ifMatch } = headersOf(request);
    await this.answer(request, reply, {
      method: 'DELETE',
      type: typeOf(request),
      id: idOf(request),
      ifMatch,
    });
  }

  @Delete(':type')
  async removeByCondition(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    const { ifMatch } = headersOf(request);
    const criteria = criteriaOf(request);
    await this.answer(request, reply, {
      method: 'DELETE',
      type: typeOf(request),
      id: undefined,
      criteria,
      ifMatch,
    });
  }

  private async put(request: HttpRequest, reply: HttpReply, target: Target): Promise<void> {
    const type = typeOf(request);
    const { ifMatch, onlyNew } = headersOf(request);
    const resource = resourceOf(request, type);
    await this.answer(request, reply, {
      method: 'PUT',
      type,
      id: undefined,
      ...target,
      resource,
      ifMatch,
      onlyNew,
    });
  }

  private async patchWhere(request: HttpRequest, reply: HttpReply, target: Target): Promise<void> {
    const { ifMatch } = headersOf(request);
    const patch = patchOf(request);
    const type = typeOf(request);
    await this.answer(request, reply, { method: 'PATCH', type, id: undefined, ...target, patch, ifMatch });
  }

  private async answer(request: HttpRequest, reply: HttpReply, write: ResourceWrite): Promise<void> {
    requireFormat(request);
    const address = fhirAddress(request, this.services);
    const raw = rawOf(request);
    const source = { raw, ownUrl: address, mayAsk: mayAsk(request.caller) };
    const [answer] = await this.services.writes.run([write], source);
    if (answer) answerWritten(request, reply, answer, address);
  }
}

/** The request as the journal keeps it. */
function rawOf({ method, url, body }: HttpRequest): Buffer {
  const sent = typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from(`${method} ${url}\n`), sent]);
}

type Target = { readonly id: string } | { readonly criteria: string };

function answerWritten(request: HttpRequest, reply: HttpReply, answer: WriteAnswer, address: string): void {
  if (answer.status === 204 && preferredReturn(request) === 'OperationOutcome') reply.code(200);
  else reply.code(answer.status);
  if (answer.status !== 204) {
    replyWritten(request, reply, { ...answer, deleted: false }, address);
    return;
  }
  if (answer.version !== undefined) reply.header('etag', `W/"${answer.version}"`);
  if (preferredReturn(request) !== 'OperationOutcome') reply.send();
  else
    reply
      .header('content-type', FHIR_JSON)
      .send(outcomeOfWrite(answer.version === undefined ? 'there was nothing to delete' : 'deleted'));
}

/** The type of the address. Throws `rejected` RESOURCE_TYPE_UNKNOWN (404). */
function typeOf(request: HttpRequest): string {
  const { type = '' } = request.params;
  if (isResourceType(type)) return type;
  throw new EngineError('rejected', 'RESOURCE_TYPE_UNKNOWN', 'FHIR R4 has no such resource type');
}

function idOf(request: HttpRequest): string {
  const { id = '' } = request.params;
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(id)) return id;
  throw new EngineError(
    'rejected',
    'RESOURCE_ID_INVALID',
    'an id has 1 to 64 letters, digits, hyphens and dots',
    {
      cause: { at: 'http.id' },
    },
  );
}

/** The query as the client sent it, without what is not of the condition. */
function criteriaOf(request: HttpRequest): string {
  const pairs = queryPairs(request.url).filter(([name]) => !isGeneralParameter(name));
  return new URLSearchParams(pairs).toString();
}

import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { EngineError } from '#kernel';
import { API_SERVICES, type ApiServices } from './api-services.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { type OperationParameters, operationParameters } from './operation-parameters.js';
import { FHIR_JSON, requireFormat } from './representation.js';
import { fhirAddress } from './request-address.js';
import { unknownResource } from './resource-reply.js';
import { websocketAddress } from './subscription-sockets.js';
import { bindingToken } from './websocket-token.js';

/** A binding lasts as long as its token; a client asks for another before it ends. */
const TOKEN_FOR_MS = 3_600_000;

/**
 * Operations of the Subscriptions R5 Backport 1.1 on Subscription, by GET and POST. The access token was checked before
 * the body was read.
 */
@Controller()
export class SubscriptionOperationsController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  @Get('fhir/Subscription/$status')
  statusByQuery(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    return this.status(request, reply);
  }

  @Post('fhir/Subscription/$status')
  async status(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const asked = operationParameters(request, ['id', 'status']);
    await this.answerStatus(request, reply, asked.get('id') ?? [], asked.get('status') ?? []);
  }

  @Get('fhir/Subscription/:id/$status')
  statusOfByQuery(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    return this.statusOf(request, reply);
  }

  @Post('fhir/Subscription/:id/$status')
  async statusOf(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    // Both are ignored here, as the operation says.
    operationParameters(request, ['id', 'status']);
    const id = request.params['id'] ?? '';
    const found = await this.services.subscriptions.read(id);
    if (found === undefined || found.deleted) throw unknownResource();
    await this.answerStatus(request, reply, [id], []);
  }

  @Get('fhir/Subscription/:id/$events')
  eventsByQuery(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    return this.events(request, reply);
  }

  @Post('fhir/Subscription/:id/$events')
  async events(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    requireFormat(request);
    const asked = operationParameters(request, ['eventsSinceNumber', 'eventsUntilNumber', 'content']);
    const since = eventNumber(asked, 'eventsSinceNumber');
    const until = eventNumber(asked, 'eventsUntilNumber');
    const content = asked.get('content')?.at(-1);
    const bundle = await this.services.subscriptionAnswers.events(
      `${fhirAddress(request, this.services)}/`,
      request.params['id'] ?? '',
      {
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        ...(content === undefined ? {} : { content }),
      },
    );
    if (bundle === undefined) throw unknownResource();
    reply.code(200).header('content-type', FHIR_JSON).send(bundle);
  }

  @Get('fhir/Subscription/$get-ws-binding-token')
  tokenByQuery(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    return this.token(request, reply);
  }

  @Post('fhir/Subscription/$get-ws-binding-token')
  async token(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    await this.answerToken(request, reply, operationParameters(request, ['id']).get('id') ?? []);
  }

  @Get('fhir/Subscription/:id/$get-ws-binding-token')
  tokenOfByQuery(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    return this.tokenOf(request, reply);
  }

  @Post('fhir/Subscription/:id/$get-ws-binding-token')
  async tokenOf(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    operationParameters(request, ['id']);
    await this.answerToken(request, reply, [request.params['id'] ?? '']);
  }

  private async answerToken(request: HttpRequest, reply: HttpReply, ids: readonly string[]): Promise<void> {
    requireFormat(request);
    const subscriptions = await this.services.subscriptionAnswers.bindable(ids);
    if (subscriptions.length === 0) throw unknownResource();
    const untilMs = this.services.clock.nowMs() + TOKEN_FOR_MS;
    const token = bindingToken({ subscriptions, untilMs }, this.services.accessToken ?? '');
    const parameter = [
      { name: 'token', valueString: token },
      { name: 'expiration', valueDateTime: new Date(untilMs).toISOString() },
      ...subscriptions.map((id) => ({ name: 'subscription', valueString: id })),
      { name: 'websocket-url', valueUrl: websocketAddress(fhirAddress(request, this.services)) },
    ];
    const text = JSON.stringify({ resourceType: 'Parameters', parameter });
    reply.code(200).header('content-type', FHIR_JSON).header('cache-control', 'no-store').send(text);
  }

  private async answerStatus(
    request: HttpRequest,
    reply: HttpReply,
    ids: readonly string[],
    statuses: readonly string[],
  ): Promise<void> {
    const address = `${fhirAddress(request, this.services)}/`;
    const bundle = await this.services.subscriptionAnswers.status(address, ids, statuses);
    reply.code(200).header('content-type', FHIR_JSON).send(bundle);
  }
}

function eventNumber(asked: OperationParameters, name: string): number | undefined {
  const text = asked.get(name)?.at(-1);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new EngineError('rejected', 'OPERATION_PARAMETER_INVALID', `${name}: write a whole number from 0`, {
    cause: { at: `http.${name}` },
  });
}

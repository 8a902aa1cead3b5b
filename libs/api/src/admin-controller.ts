import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { DeliveryTrace } from '#delivery';
import { API_SERVICES, type ApiServices } from './api-services.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';

/** What the operator asks; the operator's token was checked before. Nothing of any person. */
@Controller('admin')
export class AdminController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  /** Of each subscription lag, attempts, last error and next try. */
  @Get('subscriptions')
  async subscriptions(@Res() reply: HttpReply): Promise<void> {
    answer(reply, { subscriptions: await this.services.subscriptionAnswers.health() });
  }

  /** Of each destination of a channel what waits for it, attempts, last error, next try, and what was given up. */
  @Get('destinations')
  async destinations(@Res() reply: HttpReply): Promise<void> {
    answer(reply, { destinations: await new DeliveryTrace(this.services.database).lags() });
  }

  /** What receivers of signed webhooks check with. */
  @Get('webhook-keys/:name')
  async webhookKeys(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    answer(reply, { publicKeys: await this.services.webhookKeys(request.params['name'] ?? '') });
  }
}

function answer(reply: HttpReply, facts: object): void {
  reply
    .header('content-type', 'application/json')
    .header('cache-control', 'no-store')
    .send(`${JSON.stringify(facts)}\n`);
}

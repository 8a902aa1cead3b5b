import { Controller, type DynamicModule, Get, Inject, Module, Res } from '@nestjs/common';
import { engineVersion } from '../engine-version.js';
import type { Health } from '../health.js';
import type { Services } from '../services.js';

const SERVICES = Symbol('services');
const HEALTH = Symbol('health');

/** As much of Fastify's reply as is used. */
interface Reply {
  status(code: number): Reply;
  header(name: string, value: string): Reply;
  send(body: string): unknown;
}

/** For load balancers, supervisors and Prometheus; open to all, so nothing here tells about messages or people. */
@Controller()
class HealthController {
  constructor(
    @Inject(SERVICES) private readonly services: Services,
    @Inject(HEALTH) private readonly health: Health,
  ) {}

  /** The process lives; restart it when this does not answer. */
  @Get('health')
  live(@Res() reply: Reply): void {
    answer(reply, 200, { status: 'up', version: engineVersion, uptimeSeconds: Math.floor(process.uptime()) });
  }

  /** 200 when every role does its work, else 503 with the reasons. */
  @Get('ready')
  async ready(@Res() reply: Reply): Promise<void> {
    const parts = await this.health.look();
    const isReady = Object.values(parts).every((part) => part === 'ok');
    answer(reply, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', parts });
  }

  @Get('metrics')
  async metrics(@Res() reply: Reply): Promise<void> {
    const { metrics } = this.services;
    reply.header('content-type', metrics.contentType).send(await metrics.text());
  }
}

function answer(reply: Reply, status: number, body: object): void {
  reply.status(status).header('content-type', 'application/json').header('cache-control', 'no-store');
  reply.send(`${JSON.stringify(body)}\n`);
}

@Module({})
export class HealthModule {
  static forServices(services: Services, health: Health): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: SERVICES, useValue: services },
        { provide: HEALTH, useValue: health },
      ],
    };
  }
}

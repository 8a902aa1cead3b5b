import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { type DeliverNudge, DeliverRole } from '../deliver-role.js';
import type { Services } from '../services.js';
import { BullmqTransport } from './bullmq-transport.js';
import { transportId, transportOf } from './role-transport.js';

const DELIVER_ROLE = Symbol('deliver role');

@Controller()
class DeliverNudges {
  constructor(@Inject(DELIVER_ROLE) private readonly deliver: DeliverRole) {}

  @EventPattern('deliver', transportId.deliver)
  wake(nudge: DeliverNudge): Promise<void> {
    return this.deliver.wake(nudge);
  }
}

/** Destinations of channels, FHIR subscriptions. */
@Module({})
export class DeliverModule {
  static forServices(services: Services): DynamicModule {
    return {
      module: DeliverModule,
      controllers: [DeliverNudges],
      providers: [
        { provide: DELIVER_ROLE, useFactory: () => new DeliverRole(services) },
        {
          provide: transportOf.deliver,
          useFactory: (role: DeliverRole) => new BullmqTransport('deliver', services.queues, role),
          inject: [DELIVER_ROLE],
        },
      ],
    };
  }
}

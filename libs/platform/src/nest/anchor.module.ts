import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { AnchorRole } from '../anchor-role.js';
import type { Services } from '../services.js';
import { BullmqTransport } from './bullmq-transport.js';
import { transportId, transportOf } from './role-transport.js';

const ANCHOR_ROLE = Symbol('anchor role');

@Controller()
class AnchorNudges {
  constructor(@Inject(ANCHOR_ROLE) private readonly anchor: AnchorRole) {}

  @EventPattern('anchor', transportId.anchor)
  wake(_nudge: object): void {
    this.anchor.wake();
  }
}

/** Batches, checkpoints, ledger. */
@Module({})
export class AnchorModule {
  static forServices(services: Services): DynamicModule {
    return {
      module: AnchorModule,
      controllers: [AnchorNudges],
      providers: [
        { provide: ANCHOR_ROLE, useFactory: () => new AnchorRole(services) },
        {
          provide: transportOf.anchor,
          useFactory: (role: AnchorRole) => new BullmqTransport('anchor', services.queues, role),
          inject: [ANCHOR_ROLE],
        },
      ],
    };
  }
}

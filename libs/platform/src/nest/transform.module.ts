import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { Services } from '../services.js';
import { TransformRole } from '../transform-role.js';
import { BullmqTransport } from './bullmq-transport.js';
import { transportId, transportOf } from './role-transport.js';

const TRANSFORM_ROLE = Symbol('transform role');

@Controller()
class TransformNudges {
  constructor(@Inject(TRANSFORM_ROLE) private readonly transform: TransformRole) {}

  @EventPattern('transform', transportId.transform)
  wake(_nudge: object): void {
    this.transform.wake();
  }
}

/** Filter, map, identify, store. */
@Module({})
export class TransformModule {
  static forServices(services: Services): DynamicModule {
    return {
      module: TransformModule,
      controllers: [TransformNudges],
      providers: [
        { provide: TRANSFORM_ROLE, useFactory: () => new TransformRole(services) },
        {
          provide: transportOf.transform,
          useFactory: (role: TransformRole) => new BullmqTransport('transform', services.queues, role),
          inject: [TRANSFORM_ROLE],
        },
      ],
    };
  }
}

import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { Arrival, Receipt } from '#channel';
import { IngestRole } from '../ingest-role.js';
import type { Services } from '../services.js';
import { ARRIVAL, MllpTransport } from './mllp-transport.js';
import { transportId, transportOf } from './role-transport.js';

const INGEST_ROLE = Symbol('ingest role');

@Controller()
class ArrivalController {
  constructor(@Inject(INGEST_ROLE) private readonly ingest: IngestRole) {}

  @MessagePattern(ARRIVAL, transportId.ingest)
  receive(arrival: Arrival): Promise<Receipt> {
    return this.ingest.receive(arrival);
  }
}

/** Listeners, journal, acknowledgments. */
@Module({})
export class IngestModule {
  static forServices(services: Services): DynamicModule {
    return {
      module: IngestModule,
      controllers: [ArrivalController],
      providers: [
        { provide: INGEST_ROLE, useFactory: () => IngestRole.open(services, 'mllp') },
        {
          provide: transportOf.ingest,
          useFactory: (role: IngestRole) => new MllpTransport(role),
          inject: [INGEST_ROLE],
        },
      ],
    };
  }
}

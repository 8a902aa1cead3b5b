import { type DynamicModule, Module } from '@nestjs/common';
import { IngestModule, type Services } from '#platform';

@Module({})
export class IngestApp {
  static readonly threads = ['files'] as const;

  static forServices(services: Services): DynamicModule {
    return { module: IngestApp, imports: [IngestModule.forServices(services)] };
  }
}

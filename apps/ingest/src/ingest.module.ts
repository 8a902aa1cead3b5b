import { type DynamicModule, Module } from '@nestjs/common';
import { IngestModule, type Services } from '#platform';

@Module({})
export class IngestApp {
  static forServices(services: Services): DynamicModule {
    return { module: IngestApp, imports: [IngestModule.forServices(services)] };
  }
}

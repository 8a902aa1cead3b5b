import { type DynamicModule, Module } from '@nestjs/common';
import { DeliverModule, type Services } from '#platform';

@Module({})
export class DeliverApp {
  static forServices(services: Services): DynamicModule {
    return { module: DeliverApp, imports: [DeliverModule.forServices(services)] };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorModule, type Services } from '#platform';

@Module({})
export class AnchorApp {
  static forServices(services: Services): DynamicModule {
    return { module: AnchorApp, imports: [AnchorModule.forServices(services)] };
  }
}

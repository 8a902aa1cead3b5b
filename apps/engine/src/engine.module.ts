import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorModule, ApiRoleModule, DeliverModule, type Services, ThreadModule } from '#platform';

@Module({})
export class EngineApp {
  static forServices(services: Services): DynamicModule {
    return {
      module: EngineApp,
      imports: [
        ThreadModule.forServices('ingest', services),
        ThreadModule.forServices('transform', services),
        DeliverModule.forServices(services),
        AnchorModule.forServices(services),
        ApiRoleModule.forServices(services),
      ],
    };
  }
}

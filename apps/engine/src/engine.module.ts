import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorModule, ApiRoleModule, DeliverModule, type Services } from '#platform';

/** Every role in one process. Intake must not wait for mappings, nor people for either: these two have threads of their own. */
@Module({})
export class EngineApp {
  static readonly threads = ['ingest', 'transform'] as const;

  static forServices(services: Services): DynamicModule {
    return {
      module: EngineApp,
      imports: [
        DeliverModule.forServices(services),
        AnchorModule.forServices(services),
        ApiRoleModule.forServices(services),
      ],
    };
  }
}

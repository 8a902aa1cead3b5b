import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorModule, ApiRoleModule, DeliverModule, type Services, TransformModule } from '#platform';

/** Every role in one process. Acknowledgments must not wait for mappings: intake has a thread of its own. */
@Module({})
export class EngineApp {
  static readonly threads = ['ingest'] as const;

  static forServices(services: Services): DynamicModule {
    return {
      module: EngineApp,
      imports: [
        TransformModule.forServices(services),
        DeliverModule.forServices(services),
        AnchorModule.forServices(services),
        ApiRoleModule.forServices(services),
      ],
    };
  }
}

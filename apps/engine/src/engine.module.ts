import { type DynamicModule, Module } from '@nestjs/common';
import { AnchorModule, ApiRoleModule, type Services, TransformModule } from '#platform';

/** Every role in one process. Acknowledgments must not wait for mappings, nor mappings for deliveries: both have threads. */
@Module({})
export class EngineApp {
  static readonly threads = ['ingest', 'files', 'deliver'] as const;

  static forServices(services: Services): DynamicModule {
    return {
      module: EngineApp,
      imports: [
        TransformModule.forServices(services),
        AnchorModule.forServices(services),
        ApiRoleModule.forServices(services),
      ],
    };
  }
}

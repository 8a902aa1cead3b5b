import { type DynamicModule, Module } from '@nestjs/common';
import { type Services, TransformModule } from '#platform';

@Module({})
export class TransformApp {
  static forServices(services: Services): DynamicModule {
    return { module: TransformApp, imports: [TransformModule.forServices(services)] };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { ApiRoleModule, type Services } from '#platform';

@Module({})
export class ApiApp {
  static forServices(services: Services): DynamicModule {
    return { module: ApiApp, imports: [ApiRoleModule.forServices(services)] };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import type { Services } from '../services.js';
import type { ThreadRoleName } from '../threads/thread-protocol.js';
import { transportOf } from './role-transport.js';
import { ThreadTransport } from './thread-transport.js';

/** In the place of a role's own module: the same role, in a thread of its own. */
@Module({})
export class ThreadModule {
  static forServices(name: ThreadRoleName, services: Services): DynamicModule {
    return {
      module: ThreadModule,
      providers: [{ provide: transportOf[name], useFactory: () => new ThreadTransport(name, services) }],
    };
  }
}

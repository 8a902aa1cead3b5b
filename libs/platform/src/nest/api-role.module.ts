import { type DynamicModule, Module } from '@nestjs/common';
import { TokenService } from '#access';
import { ApiModule } from '#api';
import { systemClock, systemRandom } from '#kernel';
import { Router, WriteResources } from '#pipeline';
import { MessageWriter } from '#store';
import { SubscriptionService } from '#subscriptions';
import { readAccessToken } from '../access-token.js';
import { ledgerDirectory } from '../anchor-role.js';
import { engineVersion } from '../engine-version.js';
import type { Services } from '../services.js';
import { registryOf } from '../subscription-registry.js';

/** FHIR REST, admin, ledger files: the only door for people and EHRs. */
@Module({})
export class ApiRoleModule {
  static forServices(services: Services): DynamicModule {
    const { database, settings, queues, log } = services;
    const subscriptions = new SubscriptionService(database, (destination) =>
      queues.nudge('deliver', `subscription-${destination}`, { destination }),
    );
    const writes = new WriteResources(
      database,
      new MessageWriter(settings.tenant, systemRandom),
      // No channel has a part in what clients write: subscriptions alone are matched.
      new Router(new Map()),
      {
        tenant: settings.tenant,
        engineVersion,
        random: systemRandom,
        clock: systemClock,
        onWritten: (deliveries) => {
          queues.nudge('anchor', 'anchor', {});
          if (deliveries > 0) queues.nudge('deliver', 'behind', {});
        },
      },
    );
    const api = ApiModule.forServices({
      database,
      subscriptions: registryOf(subscriptions),
      writes,
      ledgerDirectory: ledgerDirectory(settings.dataDirectory),
      accessToken: readAccessToken(settings),
      tokens: new TokenService(database, services.clients.clients, systemClock, systemRandom),
      openLoopback: settings.openLoopback,
      publicUrl: settings.publicUrl,
      softwareVersion: engineVersion,
      clock: systemClock,
      report: (error) => log.error('a request failed', error),
    });
    return { module: ApiRoleModule, imports: [api] };
  }
}

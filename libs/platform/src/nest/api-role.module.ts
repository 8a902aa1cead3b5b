import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { TokenService } from '#access';
import { ApiModule, SubscriptionSockets } from '#api';
import { BulkJobs } from '#bulk';
import { WebhookSigner } from '#connectors';
import { systemClock, systemRandom } from '#kernel';
import { Router, WriteResources } from '#pipeline';
import { MessageWriter, ResourceReader } from '#store';
import { SubscriptionOperations, SubscriptionService } from '#subscriptions';
import { TopicCatalog } from '#topics';
import { loadProfiles, Profiles } from '#validation';
import { readAccessToken } from '../access-token.js';
import { ledgerDirectory } from '../anchor-role.js';
import { engineVersion } from '../engine-version.js';
import type { Services } from '../services.js';
import { registryOf } from '../subscription-registry.js';
import { WebsocketRole } from '../websocket-role.js';

const WEBSOCKET_ROLE = Symbol('websocket role');

/** FHIR REST, admin, ledger files: the only door for people and EHRs. */
@Module({})
export class ApiRoleModule {
  static forServices(services: Services): DynamicModule {
    const { database, settings, queues, log } = services;
    const topics = TopicCatalog.open(join(settings.mappingsDirectory, 'topics'));
    const accessToken = readAccessToken(settings);
    const sockets = new SubscriptionSockets(accessToken, systemClock);
    const signer = new WebhookSigner(settings.webhookKeys);
    const onFiled = (destination: number) =>
      queues.nudge('deliver', `subscription-${destination}`, { destination });
    const subscriptions = new SubscriptionService(database, onFiled, systemRandom, topics);
    const writes = new WriteResources(
      database,
      new MessageWriter(settings.tenant, systemRandom),
      // No channel has a part in what clients write: subscriptions alone are matched.
      new Router(new Map(), topics),
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
      searching: database.limited(settings.searchStatementMs),
      bulk: new BulkJobs({
        database,
        directory: join(settings.dataDirectory, 'bulk'),
        reader: new ResourceReader(database),
        writer: writes,
        report: (error) => log.error('a bulk job met trouble', error),
      }),
      subscriptions: registryOf(subscriptions),
      writes,
      subscriptionAnswers: new SubscriptionOperations(database, topics),
      sockets,
      webhookKeys: (name) => signer.publicKeys(name),
      topics: topics.urls,
      profiles: profilesBelow(join(settings.mappingsDirectory, 'profiles')),
      ledgerDirectory: ledgerDirectory(settings.dataDirectory),
      accessToken,
      tokens: new TokenService(database, services.clients, systemClock, systemRandom),
      openLoopback: settings.openLoopback,
      publicUrl: settings.publicUrl,
      softwareVersion: engineVersion,
      clock: systemClock,
      report: (error) => log.error('a request failed', error),
      onAnswered: services.metrics.duration(
        'suture_http_request_seconds',
        'How long requests took until they were answered',
        ['method', 'route', 'status'],
      ),
    });
    const role = { provide: WEBSOCKET_ROLE, useFactory: () => new WebsocketRole(services, sockets, topics) };
    return { module: ApiRoleModule, imports: [api], providers: [role] };
  }
}

/** The packages of profiles that stand beside the mappings, where there are some: one folder is one package, unpacked. */
function profilesBelow(folder: string): Profiles {
  return existsSync(folder) ? loadProfiles(folder) : new Profiles();
}

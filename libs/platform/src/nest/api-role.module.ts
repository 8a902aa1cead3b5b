import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { ApiModule } from '#api';
import { WebhookSigner } from '#connectors';
import { systemClock, systemRandom } from '#kernel';
import { SubscriptionOperations, SubscriptionService } from '#subscriptions';
import { TopicCatalog } from '#topics';
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
    const topics = TopicCatalog.open(join(settings.mappingsDirectory, 'topics'));
    const signer = new WebhookSigner(settings.webhookKeys);
    const onFiled = (destination: number) =>
      queues.nudge('deliver', `subscription-${destination}`, { destination });
    const subscriptions = new SubscriptionService(database, onFiled, systemRandom, topics);
    const api = ApiModule.forServices({
      database,
      subscriptions: registryOf(subscriptions),
      subscriptionAnswers: new SubscriptionOperations(database, topics),
      webhookKeys: (name) => signer.publicKeys(name),
      topics: topics.urls,
      ledgerDirectory: ledgerDirectory(settings.dataDirectory),
      accessToken: readAccessToken(settings),
      publicUrl: settings.publicUrl,
      softwareVersion: engineVersion,
      clock: systemClock,
      report: (error) => log.error('a request failed', error),
    });
    return { module: ApiRoleModule, imports: [api] };
  }
}

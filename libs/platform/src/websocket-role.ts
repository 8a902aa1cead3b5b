import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { SubscriptionSockets } from '#api';
import { DeliveryClaims } from '#delivery';
import { NotifySubscribers } from '#subscriptions';
import type { TopicCatalog } from '#topics';
import type { Services } from './services.js';

/** What is being written when the process ends is awaited this long. */
const GRACE_MS = 1_000;
const RETRY = { firstAfterMs: 1_000, atMostEveryMs: 30_000 };

/** Serves the subscriptions whose clients have a websocket open to this process; what others wait for stays in the database. */
export class WebsocketRole implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly claims: DeliveryClaims;
  private readonly subscribers: NotifySubscribers;

  constructor(services: Services, sockets: SubscriptionSockets, topics: TopicCatalog) {
    const { database, installation, log, settings } = services;
    this.claims = new DeliveryClaims(database);
    this.subscribers = new NotifySubscribers(database, this.claims, sockets, {
      channel: 'websocket',
      reaches: (subscription) => sockets.isBound(subscription),
      fhirUrl: `${settings.publicUrl ?? `http://localhost:${settings.httpPort}`}/fhir/`,
      origin: `${settings.tenant}-${installation.slice(0, 8)}`,
      topics,
      retry: RETRY,
      onError: (error) => log.error('telling websockets has trouble', error),
    });
    sockets.onBound = (subscription) => void this.subscribers.greet(subscription);
  }

  onApplicationBootstrap(): void {
    this.subscribers.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.subscribers.stop(GRACE_MS);
    await this.claims.close();
  }
}

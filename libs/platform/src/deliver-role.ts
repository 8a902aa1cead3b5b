import { join } from 'node:path';
import { AddressPolicy, HttpPoster, WebhookSigner } from '#connectors';
import { DeliveryClaims, DeliveryTrace } from '#delivery';
import { DeliverDestinations, type DeliveryNudge } from '#pipeline';
import { NotifySubscribers, SubscriptionOperations } from '#subscriptions';
import { TopicCatalog } from '#topics';
import { destinationsOf } from './destinations.js';
import type { RoleServices } from './services.js';

/** Answers to what is in flight are awaited this long; then they are broken off and sent again at the next start. */
const graceMs = 5_000;

/** What a nudge of the queue `deliver` says; `{}`: look for yourself. */
export interface DeliverNudge {
  readonly destination?: number;
  readonly partition?: number;
}

/** Destinations of channels and FHIR subscriptions. */
export class DeliverRole {
  private readonly claims: DeliveryClaims;
  private readonly destinations: DeliverDestinations;
  private readonly subscribers: NotifySubscribers;
  private readonly poster: HttpPoster;
  private started = false;

  constructor(private readonly services: RoleServices) {
    const { database, queues, installation, log, settings } = services;
    const origin = `${settings.tenant}-${installation.slice(0, 8)}`;
    const onError = (error: unknown) => log.error('delivering has trouble', error);
    const later = (nudge: DeliverNudge, afterMs: number) => {
      const place = `${nudge.destination ?? ''}-${nudge.partition ?? ''}`;
      queues.nudgeLater('deliver', place, nudge, { delayMs: afterMs, attempt: Date.now() });
    };
    const signer = new WebhookSigner(settings.webhookKeys);
    this.poster = new HttpPoster(new AddressPolicy(settings.endpointsAllowed), signer);
    this.claims = new DeliveryClaims(database);
    const events = {
      onRetry: (nudge: DeliveryNudge, afterMs: number) => later({ ...nudge }, afterMs),
      onError,
    };
    const targets = destinationsOf(services.channels, { origin, signer });
    this.destinations = new DeliverDestinations(this.claims, targets, events, services.recent);
    this.subscribers = new NotifySubscribers(database, this.claims, this.poster, {
      fhirUrl: `${settings.publicUrl ?? `http://localhost:${settings.httpPort}`}/fhir/`,
      origin,
      topics: TopicCatalog.open(join(settings.mappingsDirectory, 'topics')),
      onRetry: (destination, afterMs) => later({ destination }, afterMs),
      onError,
    });
    this.reportSubscriptions();
    this.reportDestinations();
  }

  start(): void {
    this.destinations.start();
    this.subscribers.start();
    this.started = true;
  }

  /** A nudge: this share, or this subscription, or anything, has something to send. */
  async wake({ destination, partition }: DeliverNudge): Promise<void> {
    if (destination === undefined) {
      await Promise.all([this.destinations.sweep(), this.subscribers.sweep()]);
    } else {
      if (partition !== undefined) this.destinations.wake({ destination, partition });
      this.subscribers.wake(destination);
    }
  }

  trouble(): string | undefined {
    return this.started ? undefined : 'deliveries have not started';
  }

  async stop(): Promise<void> {
    await Promise.all([this.destinations.stop(graceMs), this.subscribers.stop(graceMs)]);
    await this.poster.close();
    await this.claims.close();
  }

  /** For Prometheus; while the database is away there are no figures. */
  private reportSubscriptions(): void {
    const { database, metrics } = this.services;
    const operations = new SubscriptionOperations(database);
    const figures = [
      ['suture_subscription_lag_events', 'Events of a FHIR subscription that were not taken yet', 'lag'],
      ['suture_subscription_lag_seconds', 'How long the first of them has waited', 'waitingSeconds'],
      ['suture_subscription_failures', 'Attempts in a row that its endpoint did not take', 'attempts'],
    ] as const;
    for (const [name, help, key] of figures) {
      metrics.gauge(name, help, ['subscription'], async () => {
        const rows = await operations.health().catch(() => []);
        return rows.map((row) => [{ subscription: row.subscription }, row[key]] as const);
      });
    }
  }

  /** For Prometheus; while the database is away there are no figures. */
  private reportDestinations(): void {
    const { database, metrics } = this.services;
    const trace = new DeliveryTrace(database);
    const figures = [
      ['suture_destination_waiting', 'Messages that a destination has not taken yet', 'waiting'],
      ['suture_destination_waiting_seconds', 'How long the first of them has waited', 'waitingSeconds'],
      [
        'suture_destination_failures',
        'Attempts in a row that it did not take, of its slowest partition',
        'attempts',
      ],
      ['suture_destination_dead', 'Deliveries to it that were given up', 'dead'],
    ] as const;
    for (const [name, help, key] of figures) {
      metrics.gauge(name, help, ['destination', 'kind'], async () => {
        const lags = await trace.lags().catch(() => []);
        return lags.map((lag) => [{ destination: lag.destination, kind: lag.kind }, lag[key]] as const);
      });
    }
  }
}

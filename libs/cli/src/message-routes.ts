import type { Database } from '#database';
import { DeliveryTrace } from '#delivery';
import type { Position } from '#kernel';
import { SubscriptionTrace } from '#subscriptions';

/** Where one message goes: a destination of its channel or a FHIR subscription. */
export interface TracedRoute {
  readonly to: string;
  readonly state: 'waiting' | 'retrying' | 'sending' | 'sent' | 'dead';
  /** As the receiver sees it: `partition-number`, for a subscription its event number; undefined: not numbered yet. */
  readonly event: string | undefined;
  readonly attempts: number;
  /** When it was sent or given up. */
  readonly atMs: number | undefined;
  readonly nextAttemptAtMs: number | undefined;
  readonly lastError: string | undefined;
  /** Events that go before it. */
  readonly ahead: number;
}

/** All deliveries and notifications of a message. */
export async function tracedRoutes(database: Database, position: Position): Promise<TracedRoute[]> {
  const notifications = await new SubscriptionTrace(database).notifications(position);
  const numbered = new Set(notifications.map((notification) => notification.destination));
  const routes: TracedRoute[] = [];
  for (const delivery of await new DeliveryTrace(database).deliveries(position)) {
    const { destination, destinationId, kind, partition, number, ...facts } = delivery;
    // A subscription numbers its events itself, over all partitions; until then the delivery only waits.
    if (kind !== 'subscription') routes.push({ to: destination, event: `${partition}-${number}`, ...facts });
    else if (!numbered.has(destinationId))
      routes.push({ ...facts, to: `subscription ${destination}`, event: undefined, state: 'waiting' });
  }
  for (const { subscription, destination: _, number, ...facts } of notifications)
    routes.push({ to: `subscription ${subscription}`, event: String(number), ...facts });
  return routes;
}

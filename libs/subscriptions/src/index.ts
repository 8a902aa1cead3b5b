export type { NotificationPost } from './notify-subscriber.js';
export { type NotifierOptions, NotifySubscribers } from './notify-subscribers.js';
export { subscriptionsMigrations } from './schema.js';
export { type AskedEvents, SubscriptionOperations } from './subscription-operations.js';
export {
  type SubscriptionRecord,
  SubscriptionService,
} from './subscription-service.js';
export { SubscriptionTrace } from './trace-subscriptions.js';

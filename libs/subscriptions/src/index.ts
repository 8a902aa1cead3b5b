export { type NotifierOptions, NotifySubscribers } from './notify-subscribers.js';
export { subscriptionsMigrations } from './schema.js';
export type { NotificationPost } from './subscriber-way.js';
export { type AskedEvents, SubscriptionOperations } from './subscription-operations.js';
export {
  type SubscriptionRecord,
  SubscriptionService,
} from './subscription-service.js';
export { SubscriptionTrace } from './trace-subscriptions.js';

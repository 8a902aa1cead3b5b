export {
  readPacks,
  type StoredPack,
  storedForMs,
  takeDeliveries,
  type WaitingDelivery,
} from './deliveries.js';
export { type DeliveryClaim, DeliveryClaims, MAX_READ } from './delivery-claims.js';
export { DeliveryRetry, type RetryPolicy } from './delivery-retry.js';
export { deliveryMigrations } from './delivery-schema.js';
export { DeliveryTurns } from './delivery-turns.js';
export { type PackKeeper, RecentPacks, type StoredMessage } from './recent-packs.js';
export { RelayedPacks, receivePacks } from './relayed-packs.js';
export { DeliveryTrace } from './trace-deliveries.js';

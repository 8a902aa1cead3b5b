export { readPacks, type StoredPack, takeDeliveries, type WaitingDelivery } from './deliveries.js';
export { type DeliveryClaim, DeliveryClaims } from './delivery-claims.js';
export { DeliveryRetry, type RetryPolicy } from './delivery-retry.js';
export { deliveryMigrations } from './delivery-schema.js';
export { DeliveryTurns } from './delivery-turns.js';
export { DeliveryTrace } from './trace-deliveries.js';

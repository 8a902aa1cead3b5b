export { readPacks, type StoredPack, takeDeliveries, type WaitingDelivery } from './deliveries.js';
export { type DeliveryClaim, DeliveryClaims } from './delivery-claims.js';
export { DeliveryRetry, type RetryPolicy } from './delivery-retry.js';
export { DeliveryTurns } from './delivery-turns.js';
export {
  commitment,
  digestOfMapping,
  encodeLedgerEntry,
  LEDGER_ENTRY_BYTES,
  ledgerEntryHash,
} from './ledger-entry.js';
export {
  type MessageOutcome,
  type MessageState,
  messageState,
  type Route,
  type StoredResource,
} from './message-outcome.js';
export { deflatePack, inflatePack, plainPack, resourceAt, resourcesOf } from './pack-bytes.js';
export type { ResourceVersion } from './read-resource.js';
export { ResourceReader } from './resource-reader.js';
export { storeMigrations } from './schema.js';
export { type Criteria, compileCriteria } from './search-criteria.js';
export { StoreTrace } from './trace-store.js';
export { chainKey, type EntryChains, MessageWriter, type Written } from './write-messages.js';

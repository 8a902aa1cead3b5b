export { IndexFiller, readIndexState } from './index-filler.js';
export {
  commitment,
  digestOfMapping,
  encodeLedgerEntry,
  ledgerEntryHash,
} from './ledger-entry.js';
export {
  type MessageOutcome,
  messageState,
  type Route,
  type StoredDeletion,
  type StoredResource,
} from './message-outcome.js';
export { deflateBlock, PackUnfolder, packLines } from './pack-bytes.js';
export type { ResourceVersion } from './read-resource.js';
export { referencesOf } from './references.js';
export { ResourceReader } from './resource-reader.js';
export { storeMigrations } from './schema.js';
export { StoreTrace } from './trace-store.js';
export { chainKey, type EntryChains, MessageWriter } from './write-messages.js';

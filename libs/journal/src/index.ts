export { AcknowledgmentLog } from './acknowledgment-log.js';
export {
  lockPartitions,
  lockPartitionsBehind,
  moveCursors,
  partitionsBehind,
  readCursors,
  readMessage,
  readWaiting,
} from './cursors.js';
export { channelId, Journal } from './journal.js';
export {
  idempotencyKey,
  type JournalEntry,
  type JournaledMessage,
  journalKind,
  partitionOf,
  senderKeys,
} from './journal-entry.js';
export { Refusals } from './refusals.js';
export { journalMigrations } from './schema.js';
export { JournalTrace } from './trace-journal.js';
export { WriteLane } from './write-lane.js';

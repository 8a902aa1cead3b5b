export type { JobHandler, QueueErrorListener } from './queue-backend.js';
export { openQueues, type QueueCounts, type QueueLocation, Queues } from './queues.js';

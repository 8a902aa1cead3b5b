export type { JobHandler, QueueErrorListener } from './queue-backend.js';
export { openQueues, type QueueCounts, type QueueLocation, Queues, queuesAt } from './queues.js';
export { relayedQueues, serveQueues } from './relayed-queues.js';

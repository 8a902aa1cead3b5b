export { BulkJobs } from './bulk-jobs.js';
export type { ExportRequest, Job } from './job.js';
export { bulkMigrations } from './schema.js';

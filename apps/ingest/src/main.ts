import { startApp } from '#platform';
import { IngestApp } from './ingest.module.js';

await startApp('ingest', IngestApp);

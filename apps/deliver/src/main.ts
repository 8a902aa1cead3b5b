import { startApp } from '#platform';
import { DeliverApp } from './deliver.module.js';

await startApp('deliver', DeliverApp);

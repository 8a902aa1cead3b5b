import { startApp } from '#platform';
import { ApiApp } from './api.module.js';

await startApp('api', ApiApp);

import { startApp } from '#platform';
import { TransformApp } from './transform.module.js';

await startApp('transform', TransformApp);

import { startApp } from '#platform';
import { AnchorApp } from './anchor.module.js';

await startApp('anchor', AnchorApp);

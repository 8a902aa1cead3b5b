import { startApp } from '#platform';
import { EngineApp } from './engine.module.js';

await startApp('engine', EngineApp);

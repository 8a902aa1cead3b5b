import { describe } from '@jest/globals';
import { RedisProcess } from '../faults/victims.js';
import { distributed } from './deployment.js';
import { wholeEngine } from './whole-engine.js';

(RedisProcess.isInstalled() ? describe : describe.skip)(
  `${distributed.name} (skipped where redis-server is absent)`,
  () => wholeEngine(distributed),
);

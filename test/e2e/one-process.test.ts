import { describe } from '@jest/globals';
import { oneProcess } from './deployment.js';
import { wholeEngine } from './whole-engine.js';

describe(oneProcess.name, () => wholeEngine(oneProcess));

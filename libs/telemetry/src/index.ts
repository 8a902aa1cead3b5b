export { describeError, type Facts, type Log, type LogLevel, logLevels, openLog } from './log.js';
export { Metrics } from './metrics.js';

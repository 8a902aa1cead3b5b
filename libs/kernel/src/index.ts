export { Breath } from './breath.js';
export { assert, EngineError, type ErrorKind, isEngineError } from './errors.js';
export { nearestName } from './nearest-name.js';
export { type Clock, type Random, systemClock, systemRandom } from './ports.js';
export { formatPosition, type Position, parsePosition } from './position.js';
export { hash64, stableId } from './stable-id.js';

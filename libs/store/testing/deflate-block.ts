export { deflateBlock } from '../src/pack-bytes.js';

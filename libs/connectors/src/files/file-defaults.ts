import { frameMaxBytesDefault } from '#hl7v2';
import { zipDefaults } from './zip-archive.js';

/** What holds where the channel file says nothing. A request is held in memory, a file is not. */
export const fileDefaults = {
  fileMaxBytes: 2 * 1024 ** 3,
  requestMaxBytes: 16 * 1024 ** 2,
  unitMaxBytes: frameMaxBytesDefault,
  zip: zipDefaults,
} as const;

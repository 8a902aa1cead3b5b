export type { FileProblem } from '#declaration';
export { acceptedBy, type ChannelFile } from './channel-file.js';
export { layerProblems, layersOfChannel } from './channel-layers.js';
export type {
  Acknowledged,
  Arrival,
  Destination,
  Hl7Refusal,
  Outbound,
  Receipt,
  Receive,
  SendOutcome,
  Source,
} from './contracts.js';
export type { FileFinding, FileFormat, FileUnit } from './file-format.js';
export { loadChannels, readChannel } from './load-channels.js';
export { rowsFormatOf } from './rows-format.js';

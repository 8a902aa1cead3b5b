export { BacklogGate } from './backlog-gate.js';
export { Intake, type IntakeChannel } from './intake.js';
export { replayMessage } from './replay.js';
export { destinationIds, Router } from './route-message.js';
export { type TransformChannel, transformChannel } from './transform-channel.js';
export { type TransformContext, transformMessage } from './transform-message.js';
export { TransformPartitions, type TransformResult } from './transform-partitions.js';
export { Transformer } from './transformer.js';

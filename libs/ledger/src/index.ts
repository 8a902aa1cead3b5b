export { ledgerMigrations } from './schema.js';
export { Sequencer, type SequencerOptions } from './sequencer.js';

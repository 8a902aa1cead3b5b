export { type AuditOptions, audit } from './audit/audit.js';
export type { AuditReport, Finding } from './audit/audit-report.js';
export { makeProof } from './make-proof.js';
export { ledgerMigrations } from './schema.js';
export { Sequencer, type SequencerOptions } from './sequencer.js';
export { LedgerTrace } from './trace-ledger.js';

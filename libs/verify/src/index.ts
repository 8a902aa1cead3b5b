export { type ProofFile, readProofFile, writeProofFile } from './proof-file.js';
export { commitsTo, type EntryFields, readEntry } from './read-entry.js';
export { type Verification, verifyProof } from './verify-proof.js';

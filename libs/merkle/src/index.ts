export { type Checkpoint, openCheckpoint, signCheckpoint } from './checkpoint.js';
export { HASH_BYTES, hashLeaf } from './hash.js';
export { NoteSigner, NoteVerifier } from './note-keys.js';
export { proveConsistency, proveInclusion } from './prove.js';
export {
  decodeBundle,
  encodeBundle,
  TILE_WIDTH,
  tileHashReader,
  tilePath,
  tileWidth,
} from './tiles.js';
export { formatTlogProof, parseTlogProof } from './tlog-proof.js';
export { Tree } from './tree.js';
export { verifyConsistency, verifyInclusion } from './verify-proof.js';

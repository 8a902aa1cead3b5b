import { parseCount } from './checkpoint.js';
import { HASH_BYTES } from './hash.js';
import { decodeBase64 } from './strict-base64.js';

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
/** More than any tree has levels. */
const MAX_HASHES = 64;
const MAX_CHARACTERS = 1_000_000;

/** That the leaf at `index` is in the tree of `checkpoint`, a signed note. Nothing in it is verified by parsing it. */
interface TlogProof {
  readonly index: number;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: string;
}

/** The text form (C2SP tlog-proof, section Format); no extra data. */
export function formatTlogProof({ index, hashes, checkpoint }: TlogProof): string {
  const path = hashes.map((hash) => `${hash.toString('base64')}\n`).join('');
  return `${FIRST_LINE}\nindex ${index}\n${path}\n${checkpoint}`;
}

/** The inverse of `formatTlogProof`, tolerating an `extra` line; undefined when malformed. Safe for hostile input. */
export function parseTlogProof(text: string): TlogProof | undefined {
  const blank = text.indexOf('\n\n');
  if (text.length > MAX_CHARACTERS || blank < 0) return undefined;
  const [first, ...lines] = text.slice(0, blank).split('\n');
  if (first !== FIRST_LINE) return undefined;
  if (lines[0]?.startsWith('extra ') === true) {
    if (decodeBase64(lines[0].slice('extra '.length)) === undefined) return undefined;
    lines.shift();
  }
  const [indexLine, ...hashLines] = lines;
  if (indexLine?.startsWith('index ') !== true || hashLines.length > MAX_HASHES) return undefined;
  const index = parseCount(indexLine.slice('index '.length));
  const hashes: Buffer[] = [];
  for (const line of hashLines) {
    const hash = decodeBase64(line);
    if (hash?.length !== HASH_BYTES) return undefined;
    hashes.push(hash);
  }
  return index === undefined ? undefined : { index, hashes, checkpoint: text.slice(blank + 2) };
}

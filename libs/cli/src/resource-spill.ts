import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { RowsConversion } from '#mapping';

export type CollectedResources = ReturnType<typeof RowsConversion.collected>;
export type ResourceText = Parameters<CollectedResources['add']>[0];

/** Buffers of all shares together. */
const buffersBytes = 32 * 1024 * 1024;
/** Of the JSON of one share, on average; JSON of rows is some eight times as long as they are. */
const shareBytes = 8 * 1024 * 1024;
const jsonOfRows = 8;
const sharesMin = 64;
/** Enough for files of 4 GiB; the shares of larger ones grow. */
const sharesMax = 4_096;
/** Characters of resources that are remembered, so that one that comes again unchanged is not put aside again. */
const recentMax = 4 * 1024 * 1024;
const letters = { snapshot: 's', update: 'u', refer: 'r' } as const;
const modes = { s: 'snapshot', u: 'update', r: 'refer' } as const;

/** What of one share waits to be written, and where the rest stands in the file. */
interface Share {
  readonly buffer: Buffer;
  filled: number;
  /** Offset and length of each piece. */
  readonly pieces: number[];
}

/**
 * Resources of a file that are more than memory should hold: put aside in one file, in shares by key, and given back share by
 * share, each resource once. A share holds all that ever came under a key, in order, so nothing is merged that memory would
 * have merged otherwise. The file has no name while it is used: it goes with its process.
 */
export class ResourceSpill {
  readonly #file: number;
  readonly #shares: readonly Share[];
  #end = 0;
  #recent = new Map<string, ResourceText>();
  #recentSize = 0;

  /** `rowsBytes`: of the file of rows that the resources come from. */
  constructor(path: string, rowsBytes: number) {
    this.#file = openSync(path, 'w+');
    rmSync(path);
    const wanted = Math.ceil((rowsBytes * jsonOfRows) / shareBytes);
    const count = Math.min(sharesMax, Math.max(sharesMin, wanted));
    const size = Math.floor(buffersBytes / count);
    this.#shares = Array.from({ length: count }, () => ({
      buffer: Buffer.allocUnsafeSlow(size),
      filled: 0,
      pieces: [],
    }));
  }

  add(resource: ResourceText): void {
    const { key, merge, removals, text } = resource;
    if (this.#isKnown(resource)) return;
    const share = this.#shares[numberOf(key) % this.#shares.length] as Share;
    const removed = removals.length === 0 ? '' : JSON.stringify(removals);
    const line = `${letters[merge]}${removed}\t${key}\t${text}\n`;
    const most = line.length * 3; // UTF-8 of one UTF-16 unit
    if (most > share.buffer.length - share.filled) this.#write(share);
    if (most > share.buffer.length) this.#append(share, Buffer.from(line));
    else share.filled += share.buffer.write(line, share.filled);
  }

  /** The resources of all shares, each once. What was put aside cannot be read again. */
  *collected(): Generator<CollectedResources> {
    this.#recent = new Map();
    let piece = Buffer.alloc(0);
    for (const share of this.#shares) {
      this.#write(share);
      const collected = RowsConversion.collected();
      for (let n = 0; n < share.pieces.length; n += 2) {
        const [from = 0, length = 0] = share.pieces.slice(n, n + 2);
        // One buffer for all: memory that is let go comes back only when the collector runs.
        if (piece.length < length) piece = Buffer.allocUnsafeSlow(length);
        readSync(this.#file, piece, 0, length, from);
        for (const line of piece.toString('utf8', 0, length).split('\n'))
          if (line !== '') collected.add(resourceOf(line));
      }
      yield collected;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** To merge the same again changes nothing, as long as nothing else came under the key. */
  #isKnown(resource: ResourceText): boolean {
    const { key, merge, removals, text } = resource;
    const before = this.#recent.get(key);
    if (before?.text === text && before.merge === merge && removals.length === 0) return true;
    if (this.#recentSize > recentMax) {
      this.#recent = new Map();
      this.#recentSize = 0;
    }
    this.#recent.set(key, resource);
    this.#recentSize += text.length;
    return false;
  }

  #write(share: Share): void {
    if (share.filled === 0) return;
    this.#append(share, share.buffer.subarray(0, share.filled));
    share.filled = 0;
  }

  #append(share: Share, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#file, bytes, at, bytes.length - at, this.#end + at);
    share.pieces.push(this.#end, bytes.length);
    this.#end += bytes.length;
  }
}

function resourceOf(line: string): ResourceText {
  const keyAt = line.indexOf('\t') + 1;
  const textAt = line.indexOf('\t', keyAt) + 1;
  const removals = line.slice(1, keyAt - 1);
  return {
    key: line.slice(keyAt, textAt - 1),
    merge: modes[line.charAt(0) as keyof typeof modes],
    removals: removals === '' ? [] : (JSON.parse(removals) as string[]),
    text: line.slice(textAt),
  };
}

/** FNV-1a, of the whole key. */
function numberOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < key.length; n++) hash = Math.imul(hash ^ key.charCodeAt(n), 0x01000193);
  return hash >>> 0;
}

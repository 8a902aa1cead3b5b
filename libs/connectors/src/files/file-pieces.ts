import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';

const pieceBytes = 256 * 1024;
/** What a format sees of a file to recognise it; the first piece is no shorter, unless the file is. */
const firstPieceBytes = 4_096;

/** Bytes that can be read more than once: a file on this machine, or what came in a request. */
export type FileBytes =
  | { readonly path: string; readonly size: number }
  | { readonly buffer: Buffer; readonly size: number };

/** The pieces of a file; nothing of it is read before they are asked for. */
export async function* piecesOf(bytes: FileBytes): AsyncGenerator<Buffer> {
  if ('path' in bytes) {
    yield* piecesOfStream(createReadStream(bytes.path, { highWaterMark: pieceBytes }));
    return;
  }
  for (let at = 0; at < bytes.size; at += pieceBytes) yield bytes.buffer.subarray(at, at + pieceBytes);
}

/** The stream's chunks, small ones put together, so that none but the last is short. The stream is closed in the end. */
export async function* piecesOfStream(stream: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of stream) {
    held.push(chunk as Buffer);
    heldBytes += (chunk as Buffer).length;
    if (heldBytes < firstPieceBytes) continue;
    yield held.length === 1 ? (chunk as Buffer) : Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

/** Each piece with whether another follows. An empty file is one empty piece. */
export async function* withLast(
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<{ readonly piece: Buffer; readonly isLast: boolean }> {
  let before: Buffer | undefined;
  for await (const piece of pieces) {
    if (before !== undefined) yield { piece: before, isLast: false };
    before = piece;
  }
  yield { piece: before ?? Buffer.alloc(0), isLast: true };
}

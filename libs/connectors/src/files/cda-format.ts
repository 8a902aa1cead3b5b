import { isXml } from '#cda';
import type { FileFormat, FileUnit } from '#channel';
import { EngineError } from '#kernel';

/** CDA: the whole file is one document. */
export const cdaFormat: FileFormat = {
  name: 'cda',
  equalUnits: 'message',
  recognises: isXml,
  split,
};

async function* split(pieces: AsyncIterable<Buffer>, unitMaxBytes: number): AsyncGenerator<FileUnit> {
  const held: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  for await (const piece of pieces) {
    const left = unitMaxBytes - bytes;
    if (piece.length > left) isCut = true;
    if (left > 0) held.push(piece.subarray(0, left));
    bytes += Math.min(piece.length, left);
  }
  const raw = Buffer.concat(held);
  if (!isXml(raw))
    throw new EngineError('rejected', 'CDA_NO_XML', 'the file does not begin as XML does, with <');
  yield isCut
    ? { raw, line: 1, unfit: `the document is longer than ${unitMaxBytes} bytes` }
    : { raw, line: 1 };
}

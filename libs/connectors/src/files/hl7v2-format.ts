import type { FileFinding, FileFormat, FileUnit } from '#channel';
import { BatchStream } from '#hl7v2';
import { EngineError } from '#kernel';
import { withLast } from './file-pieces.js';

const start = /^(?:\uFEFF|\xEF\xBB\xBF|\xFF\xFE|\xFE\xFF)?[\s\0\x0b]*(?:MSH|FHS|BHS)(?![a-z0-9_])/i;

/** HL7 v2: one message, several, batches and files of batches (HL7 2.5.1, 2.10.3), MLLP frames. */
export const hl7v2Format: FileFormat = {
  name: 'hl7v2',
  equalUnits: 'message',
  recognises: (bytes) => start.test(bytes.toString('latin1', 0, 64).replaceAll('\0', '')),
  split,
};

async function* split(
  pieces: AsyncIterable<Buffer>,
  unitMaxBytes: number,
): AsyncGenerator<FileUnit | FileFinding> {
  const stream = new BatchStream(unitMaxBytes);
  for await (const { piece, isLast } of withLast(pieces)) {
    for (const { raw, line, isCut } of stream.push(piece, isLast)) {
      yield isCut ? { raw, line, unfit: `the message is longer than ${unitMaxBytes} bytes` } : { raw, line };
    }
  }
  for (const { code, line, detail } of stream.problems) yield { code, line, detail };
  if (stream.count === 0)
    throw new EngineError('rejected', 'HL7_MSH_MISSING', 'there is no MSH segment in the file');
}

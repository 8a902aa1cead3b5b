import type { FileFormat } from '#channel';
import { EngineError } from '#kernel';
import { cdaFormat } from './cda-format.js';
import { hl7v2Format } from './hl7v2-format.js';

/**
 * The formats that the files of a channel may have, in the order in which they are asked. `auto`: HL7 v2, CDA, and where the
 * channel takes rows (`rows` is the format of its maps) everything else is rows, of which its maps say whether they are theirs.
 */
export function fileFormats(
  said: 'auto' | 'hl7v2' | 'cda' | 'csv',
  rows?: FileFormat,
): readonly FileFormat[] {
  const own = rows ? [rows] : [];
  switch (said) {
    case 'auto':
      return [hl7v2Format, cdaFormat, ...own];
    case 'hl7v2':
      return [hl7v2Format];
    case 'cda':
      return [cdaFormat];
    case 'csv':
      return own;
  }
}

/** The format of a file that begins so. `rejected` FILE_FORMAT_UNKNOWN when the channel leaves it open and none knows it. */
export function formatOf(formats: readonly FileFormat[], start: Buffer): FileFormat {
  const [only] = formats;
  const found = formats.length === 1 ? only : formats.find((format) => format.recognises(start));
  if (found !== undefined) return found;
  const known = formats.map(({ name }) => name).join(', ');
  throw new EngineError('rejected', 'FILE_FORMAT_UNKNOWN', `the file is none of: ${known}`);
}

import type { FileFormat } from '#channel';
import { EngineError } from '#kernel';
import { hl7v2Format } from './hl7v2-format.js';

/** In the order in which a file is asked; a new format is one more here, and a name in the channel file. */
const formats: readonly FileFormat[] = [hl7v2Format];

/** What the channel file says, or a format with settings of the channel. */
export type FormatChoice = 'auto' | 'hl7v2' | FileFormat;

/** The format of a file that begins so. `rejected` FILE_FORMAT_UNKNOWN when the channel leaves it open and none knows it. */
export function formatOf(choice: FormatChoice, start: Buffer): FileFormat {
  if (typeof choice !== 'string') return choice;
  const found = formats.find((format) =>
    choice === 'auto' ? format.recognises(start) : format.name === choice,
  );
  if (found !== undefined) return found;
  const known = formats.map(({ name }) => name).join(', ');
  throw new EngineError('rejected', 'FILE_FORMAT_UNKNOWN', `the file is none of: ${known}`);
}

import { EngineError } from '#kernel';
import { decodeText } from './character-set.js';
import { readMessageHeader } from './message-header.js';

/** MSH-18 among the parts of a header line, whose first is the name and whose second is MSH-2. */
const CHARACTER_SET = 17;

/**
 * The same message in UTF-8, with MSH-18 saying so; nothing else is changed, escape sequences stay as they were written.
 * `rejected` HL7_NOT_CONVERTIBLE when it has no header, or bytes without a meaning in the character set that it names.
 */
export function inUtf8(raw: Buffer): Buffer {
  const { text, problems } = decodeText(raw, readMessageHeader(raw).characterSets);
  const header = /^\s*MSH[^\r\n]*/i.exec(text)?.[0] ?? '';
  const line = header.trimStart();
  const separator = line.charAt(3);
  if (separator === '' || problems.some(({ severity }) => severity === 'error')) {
    throw new EngineError(
      'rejected',
      'HL7_NOT_CONVERTIBLE',
      'the message has no header, or bytes that mean nothing in its character set; forward it as_received',
    );
  }
  const fields = line.split(separator);
  while (fields.length <= CHARACTER_SET) fields.push('');
  fields[CHARACTER_SET] = 'UNICODE UTF-8';
  return Buffer.from(fields.join(separator) + text.slice(header.length));
}

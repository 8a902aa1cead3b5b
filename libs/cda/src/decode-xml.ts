import { EngineError } from '#kernel';
import { documentLimits } from './limits.js';

const declaration = /^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,39})["']/;

/** UTF-8 unless a byte order mark, a zero byte or the XML declaration says otherwise (XML 1.0 appendix F). */
function encodingOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xef && second === 0xbb) return 'utf-8';
  if (first === 0x3c && second === 0) return 'utf-16le';
  if (first === 0 && second === 0x3c) return 'utf-16be';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(300, bytes.length)).toString('latin1');
  const named = declaration.exec(head.trimStart())?.[1]?.toLowerCase() ?? 'utf-8';
  // It was read as bytes of 8 bits, so whatever it says it is not UTF-16.
  return named.startsWith('utf-16') || named === 'ucs-2' ? 'utf-8' : named;
}

/**
 * The text of an XML document, without a byte order mark. Throws `rejected`: CDA_TOO_LARGE, CDA_ENCODING_UNKNOWN,
 * CDA_ENCODING_INVALID.
 */
export function decodeXml(bytes: Uint8Array): string {
  if (bytes.length > documentLimits.size)
    throw new EngineError(
      'rejected',
      'CDA_TOO_LARGE',
      `the document has ${bytes.length} bytes; at most ${documentLimits.size} are read`,
    );
  const encoding = encodingOf(bytes);
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    const message = `nobody knows the encoding ${encoding} that the XML declaration names`;
    throw new EngineError('rejected', 'CDA_ENCODING_UNKNOWN', message, { cause });
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const message = `the bytes are no ${encoding}; name the encoding in the XML declaration`;
    throw new EngineError('rejected', 'CDA_ENCODING_INVALID', message, { cause });
  }
}

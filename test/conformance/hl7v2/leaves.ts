import { splitBatch } from '#hl7v2';

/**
 * How a line begins that is a segment. Where CR ends segments any other goes on with the value before or, behind an empty
 * line, is somebody's note; where LF does, it is a segment without a name.
 */
const SEGMENT = /[A-Za-z][A-Za-z0-9]{2}/;

/**
 * The leaves of every message of a file, counted without the parser: valued subcomponents but the separators themselves.
 * Undefined for a file whose bytes are not read one by one as letters (UTF-16, and sets that use the bytes of separators).
 */
export function leavesOf(bytes: Buffer): number[] | undefined {
  if (bytes.includes(0) || bytes.includes(0x1b)) return undefined;
  return splitBatch(bytes).messages.map(leavesOfMessage);
}

function leavesOfMessage(raw: Buffer): number {
  const text = raw.toString('latin1');
  const header = text.slice(text.indexOf('MSH'));
  const field = header.charAt(3);
  // A short MSH-2 names fewer separators; what it does not name separates nothing.
  const [component, repetition, , subcomponent] = header.slice(4, header.indexOf(field, 4));
  const split = (value: string, separator: string | undefined) =>
    separator === undefined ? [value] : value.split(separator);
  let count = 0;
  const segments: string[] = [];
  let isInSegment = false;
  const lfEnds = !text.includes('\r');
  for (const line of text.split(/\r\n|\r|\n/)) {
    const isSegment = line.charAt(line.search(SEGMENT) + 3) === field;
    if (isSegment) segments.push(line);
    else if (line.trim() !== '' && lfEnds) segments.push(`???${field}${line}`);
    else if (line.trim() !== '' && isInSegment) segments.push(`${segments.pop()} ${line}`);
    else if (line.trim() !== '') count++;
    isInSegment = isSegment || (isInSegment && line.trim() !== '');
  }
  for (const segment of segments) {
    const fields = segment.split(field);
    for (const value of fields.slice(fields[0]?.endsWith('MSH') === true ? 2 : 1))
      for (const part of split(value, repetition))
        for (const piece of split(part, component))
          count += split(piece, subcomponent).filter((leaf) => leaf !== '').length;
  }
  return count;
}

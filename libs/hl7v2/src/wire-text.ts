/**
 * A header line as a string of bytes, one character each, that can be cut at separators and written back byte
 * for byte. In some sets the second byte of a character may look like a separator (Shift-JIS, Big5, GB 18030,
 * ISO-2022-JP); such bytes are lifted out of the ASCII range by `lifted`, and `Buffer.from(text, 'latin1')`,
 * which keeps the low eight bits, puts them back.
 */
const lifted = 0xe000;

/** Sets in which a byte below 80 may be part of a longer character. */
export const shiftedLabels: readonly string[] = [
  'iso-2022-jp',
  'shift_jis',
  'gb18030',
  'gbk',
  'big5',
  'euc-kr',
];

/** `line` as text of bytes, with the bytes that only look like ASCII lifted. */
export function wireLine(line: Buffer, label: string): string {
  if (label === 'iso-2022-jp') return escapedLine(line);
  if (shiftedLabels.includes(label)) return doubleByteLine(line, label);
  return line.toString('latin1');
}

function doubleByteLine(line: Buffer, label: string): string {
  const codes: string[] = [];
  for (let i = 0; i < line.length; i++) {
    const byte = line[i] as number;
    codes.push(String.fromCharCode(byte));
    // A1 to DF are half-width katakana in Shift-JIS, one byte each.
    const isLead = byte > 0x80 && byte !== 0xff && !(label === 'shift_jis' && byte >= 0xa0 && byte <= 0xdf);
    if (!isLead || i + 1 >= line.length) continue;
    i++;
    const trail = line[i] as number;
    codes.push(String.fromCharCode(trail >= 0x30 && trail < 0x7f ? lifted + trail : trail));
  }
  return codes.join('');
}

/** ISO-2022-JP: ESC $ ... starts two-byte characters, ESC ( ... goes back to one byte. */
function escapedLine(line: Buffer): string {
  const codes: string[] = [];
  let doubled = false;
  for (let i = 0; i < line.length; i++) {
    const byte = line[i] as number;
    if (byte !== 0x1b) {
      codes.push(String.fromCharCode(doubled ? lifted + byte : byte));
      continue;
    }
    const kind = line[i + 1];
    doubled = kind === 0x24;
    // ESC $ @, ESC $ B, ESC $ ( D: the sequence ends with its first byte from 40 to 7E.
    let end = i + 1;
    while (end < line.length - 1 && end - i < 4 && isIntermediate(line[end] as number)) end++;
    codes.push(String.fromCharCode(byte));
    for (let k = i + 1; k <= end && k < line.length; k++)
      codes.push(String.fromCharCode(lifted + (line[k] as number)));
    i = end;
  }
  return codes.join('');
}

function isIntermediate(byte: number): boolean {
  return byte >= 0x20 && byte < 0x40;
}

/** Whether bytes are XML as far as their beginning tells: `<` is the first of them, after blanks and a byte order mark. */
export function isXml(bytes: Uint8Array): boolean {
  const most = Math.min(bytes.length, 1_024);
  for (let i = 0; i < most; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x3c) return true;
    // Of UTF-16 every other byte is zero; marks are EF BB BF, FF FE and FE FF.
    const isBlank = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0;
    const isMark = i < 3 && (byte >= 0xfe || byte === 0xef || byte === 0xbb || byte === 0xbf);
    if (!isBlank && !isMark) return false;
  }
  return false;
}

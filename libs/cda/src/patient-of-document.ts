/** The header of a document stands at its beginning; what comes later is not looked at. */
const headerBytes = 256 * 1024;

/**
 * Whom a document is about, as far as its order depends on it: `root|extension` of the first id of its recordTarget; undefined
 * where there is none. A scan of bytes without parsing: good to compare and to hash, not to show.
 */
export function patientOfDocument(raw: Buffer): string | undefined {
  // Of UTF-16 every other byte is zero.
  const head = raw.toString('latin1', 0, headerBytes).replaceAll('\0', '');
  const start = /<(?:[\w-]+:)?patientRole[\s>]/.exec(head)?.index;
  if (start === undefined) return undefined;
  const ids = /<(?:[\w-]+:)?(?:(id)\s([^<>]*)|patient[\s>])/g;
  ids.lastIndex = start + 1;
  for (let found = ids.exec(head); found?.[1] !== undefined; found = ids.exec(head)) {
    const [root, extension] = ['root', 'extension'].map((name) => attributeOf(found?.[2] ?? '', name));
    if (root !== undefined || extension !== undefined) return `${root ?? ''}|${extension ?? ''}`;
  }
  return undefined;
}

function attributeOf(attributes: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  return (match?.[1] ?? match?.[2])?.trim() || undefined;
}

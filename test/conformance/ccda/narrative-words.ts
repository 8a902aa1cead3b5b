/** One tag, or what stands between two. Values of attributes may hold `>`. */
const PIECE = /<(\/?)([^\s/>!?]+)(?:"[^"]*"|'[^']*'|[^>"'])*?(\/?)>|([^<]+)/g;
const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** The words in the narratives of a document (`section/text`), read without the parser: how often each is there. */
export function narrativeWords(document: string): Map<string, number> {
  const text = document
    .replaceAll(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, ' ')
    .replaceAll(/<!\[CDATA\[([\s\S]*?)\]\]>/g, (_, inner: string) =>
      inner.replaceAll('&', '&amp;').replaceAll('<', '&lt;'),
    );
  const open: string[] = [];
  let narrative = 0;
  const words = new Map<string, number>();
  for (const [, close, tag = '', empty, content] of text.matchAll(PIECE)) {
    if (content !== undefined) {
      if (narrative > 0) count(unescaped(content), words);
      continue;
    }
    const name = tag.slice(tag.indexOf(':') + 1);
    if (close === '/') {
      open.pop();
      if (open.length < narrative) narrative = 0;
    } else if (empty !== '/') {
      if (narrative === 0 && name === 'text' && open.at(-1) === 'section') narrative = open.length + 1;
      open.push(name);
    }
  }
  return words;
}

/** The words in all narratives of a bundle. */
export function divWords(bundle: string | undefined): Map<string, number> {
  const words = new Map<string, number>();
  if (bundle === undefined) return words;
  JSON.parse(bundle, (key, value: unknown) => {
    if (key === 'div' && typeof value === 'string')
      count(unescaped(value.replaceAll(/<[^>]*>/g, ' ')), words);
    return key === '' ? undefined : value;
  });
  return words;
}

function count(text: string, words: Map<string, number>): void {
  for (const word of text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u))
    if (word !== '') words.set(word, (words.get(word) ?? 0) + 1);
}

function unescaped(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? all;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    },
  );
}

/** Deeper nesting than this is no narrative. */
const depthMax = 64;

/** R4, Narrative txt-1: HTML 4.0 chapters 7 to 11 (without section 4 of chapter 9) and 15, and `a`, `img`. */
const allowed = new Set(
  (
    'a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img ' +
    'li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var kbd bdo address del ins'
  ).split(' '),
);

const token =
  /<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z_:][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const text = /(?:[^<&]|&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)*/y;
const forbiddenAttribute = /\son[a-z]+\s*=|=\s*["']\s*javascript:/i;

/**
 * True when `source` is a narrative as R4 wants it: one `div` in the XHTML namespace, well-formed, only the elements
 * and attributes that are allowed, with something to see in it (txt-1, txt-2).
 */
export function isNarrative(source: string): boolean {
  const trimmed = source.trim();
  const open: string[] = [];
  let at = 0;
  let seen = false;
  while (at < trimmed.length) {
    token.lastIndex = at;
    const tag = token.exec(trimmed);
    if (!tag) return false;
    const [, closing, name = '', attributes = '', empty] = tag;
    if (!allowed.has(name) || forbiddenAttribute.test(attributes)) return false;
    if (at === 0 && !(name === 'div' && attributes.includes('http://www.w3.org/1999/xhtml'))) return false;
    if (closing === '/') {
      if (open.pop() !== name) return false;
    } else if (empty !== '/') {
      if (open.push(name) > depthMax) return false;
    }
    seen ||= name === 'img';
    at = token.lastIndex;
    if (open.length === 0) return seen && at === trimmed.length;
    text.lastIndex = at;
    text.exec(trimmed);
    seen ||= /\S/.test(trimmed.slice(at, text.lastIndex));
    at = text.lastIndex;
  }
  return false;
}

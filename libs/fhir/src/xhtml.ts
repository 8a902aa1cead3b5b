/** Names of foreign elements are told up to this length. */
const NAME_MAX = 32;
const NOT_A_DIV = 'it is not one div of the namespace http://www.w3.org/1999/xhtml';

/** Deeper nesting than this is no narrative. */
const depthMax = 64;

/** R4, Narrative txt-1: HTML 4.0 chapters 7 to 11 (without section 4 of chapter 9: ins, del) and 15, and `a`, `img`. */
const allowed = new Set(
  (
    'a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img ' +
    'li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var kbd bdo address map area'
  ).split(' '),
);

/** Their attributes, wherever they stand: those of these chapters, of `a` and of images. */
const attributesAllowed = new Set(
  (
    'xmlns id class style title lang xml:lang dir href name charset type hreflang rel rev shape coords accesskey tabindex src ' +
    'alt longdesc height width usemap ismap cite summary border frame rules cellspacing cellpadding align valign char charoff ' +
    'nowrap colspan rowspan scope axis abbr headers span xml:space hspace vspace bgcolor start value compact clear size noshade'
  ).split(' '),
);
const links = new Set(['href', 'src', 'cite', 'longdesc', 'usemap']);

const token =
  /<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z_:][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const comment = /<!--(?:[^-]|-(?!-))*-->/y;
const text = /(?:[^<&]|&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)*/y;
const attribute = /([A-Za-z_:][\w:.-]*)\s*=\s*("[^"]*"|'[^']*')/g;
const xhtml = 'http://www.w3.org/1999/xhtml';

/**
 * What keeps `source` from being a narrative as R4 wants it: one `div` in the XHTML namespace, well-formed, only the elements
 * and attributes that are allowed, links of harmless kinds, with something to see in it (txt-1, txt-2). Undefined: nothing. Names of elements
 * and attributes are all that is told of its content.
 */
export function narrativeFault(source: string): string | undefined {
  const trimmed = source.trim();
  const open: string[] = [];
  let at = 0;
  let seen = false;
  while (at < trimmed.length) {
    token.lastIndex = at;
    const tag = token.exec(trimmed);
    if (tag) {
      const [, closing, name = '', attributes = '', empty] = tag;
      if (!allowed.has(name)) return `the element ${name.slice(0, NAME_MAX)} is not allowed`;
      const refused = attributes === '' ? undefined : refusedAttribute(name, attributes);
      if (refused !== undefined) return refused;
      if (at === 0 && !(name === 'div' && attributes.includes(xhtml))) return NOT_A_DIV;
      if (closing === '/') {
        if (open.pop() !== name) return `the end of ${name} closes another element`;
      } else if (empty !== '/') {
        if (open.push(name) > depthMax) return `more than ${depthMax} elements within one another`;
      }
      seen ||= name === 'img';
      at = token.lastIndex;
    } else {
      comment.lastIndex = at;
      if (at === 0) return NOT_A_DIV;
      if (!comment.test(trimmed)) return `not well-formed XML at character ${at + 1}`;
      at = comment.lastIndex;
    }
    if (open.length === 0)
      return seen ? (at === trimmed.length ? undefined : NOT_A_DIV) : 'there is nothing to see in it';
    text.lastIndex = at;
    text.exec(trimmed);
    seen ||= /\S/.test(trimmed.slice(at, text.lastIndex));
    at = text.lastIndex;
  }
  return 'an element is not closed';
}

/** What is wrong with the attributes of an element; undefined: nothing. */
function refusedAttribute(element: string, attributes: string): string | undefined {
  const names = new Set<string>();
  for (const [, name = '', quoted = ''] of attributes.matchAll(attribute)) {
    const where = `the attribute ${name.slice(0, NAME_MAX)}`;
    if (!attributesAllowed.has(name)) return `${where} is not allowed`;
    if (names.has(name)) return `${where} stands twice`;
    names.add(name);
    const value = quoted.slice(1, -1);
    if (name === 'xmlns' && value !== xhtml) return `the namespace is not ${xhtml}`;
    if (name === 'style' && !isHarmlessStyle(withCharacters(value)))
      return `${where} loads or runs something`;
    if (links.has(name) && !isHarmless(element, value))
      return `${where} of ${element} holds a link of a kind that is not allowed`;
  }
  return undefined;
}

/** Numeric references as characters: a browser reads them before it looks at a link. */
function withCharacters(value: string): string {
  return value.replace(
    /&#(?:x([0-9a-f]{1,6})|(\d{1,7}));/gi,
    (_, hex: string | undefined, digits: string) => {
      const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}

/** Nothing that runs, and nothing from elsewhere. */
function isHarmlessStyle(style: string): boolean {
  return !/url\s*\(\s*["']?\s*(?!data:\s*image\/)(?:[a-z][a-z0-9+.-]*:|\/\/)|expression\s*\(|javascript|@import|behavior\s*:|\\|&/i.test(
    style.replace(/&quot;|&amp;/g, '"'),
  );
}

/** A link relative to the resource, or of a kind that runs nothing; named references may hide a colon. */
function isHarmless(element: string, value: string): boolean {
  const link = withCharacters(value).replace(/[\u0000-\u0020\u007f-\u00a0]/g, '');
  const scheme = /^([^/?#]*?)(?::|&(?!amp;)[A-Za-z]+;)/.exec(link)?.[1]?.toLowerCase();
  if (scheme === undefined) return true;
  if (scheme === 'data') return element === 'img' && /^data:image\/(?:png|gif|jpe?g|webp|bmp);/i.test(link);
  return ['http', 'https', 'mailto', 'ftp', 'tel', 'urn', 'cid'].includes(scheme);
}

import { documentLimits } from './limits.js';
import { TreeBuilder } from './tree-builder.js';
import type { XmlElement } from './xml-element.js';

/** XML 1.0 (2.8) as nearly everybody writes it. */
const declaration =
  /^<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\r\n]+standalone=(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/;
const instruction = /<\?(?!xml[ \t\r\n?])[a-z][\w.-]*(?=[ \t\r\n]|\?>)/y;
const reference = /&(?:lt|gt|amp|quot|apos|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));/y;
/** More attributes in one tag are for the other parser: here each is compared with those before it. */
const attributesMax = 64;
const namesMax = 1 << 10;
const notPlain = -1;

/**
 * The elements of a document that is plain XML 1.0: no DOCTYPE, names of ASCII, nothing beyond `documentLimits`. Undefined when
 * there is anything else, well-formed or not: then saxes judges. Whatever passes here passes there too, with the same tree.
 */
export function scanDocument(text: string): readonly XmlElement[] | undefined {
  return new PlainScanner(text).scan();
}

/** Its methods get the place where something begins and give the place behind it, or `notPlain`. */
class PlainScanner {
  readonly #tree: TreeBuilder;
  /** Names of the open elements, as written. */
  readonly #open: string[] = [];
  /** Names seen, by their sum: a name is cut out of the text once. */
  readonly #names = new Array<string>(namesMax).fill('');
  #allAttributes = 0;

  constructor(readonly text: string) {
    this.#tree = new TreeBuilder(text);
  }

  scan(): readonly XmlElement[] | undefined {
    const { text } = this;
    const { elements } = this.#tree;
    let at = declaration.exec(text)?.[0].length ?? 0;
    while (at !== notPlain) {
      at = this.#open.length > 0 ? this.#content(at) : this.#blanks(at);
      if (at === text.length) return elements.length > 0 && this.#open.length === 0 ? elements : undefined;
      if (at !== notPlain) at = this.#markup(at);
    }
    return undefined;
  }

  #markup(at: number): number {
    switch (this.text.charCodeAt(at + 1)) {
      case slash:
        return this.#endTag(at);
      case exclamation:
        return this.#commentOrCdata(at);
      case question: {
        instruction.lastIndex = at;
        const end = instruction.test(this.text) ? this.text.indexOf('?>', instruction.lastIndex) : notPlain;
        return end < 0 || !this.#isClean(at, end) ? notPlain : end + 2;
      }
      default:
        return this.#startTag(at);
    }
  }

  /** Between elements that nothing is around. */
  #blanks(at: number): number {
    const end = this.#afterBlanks(at);
    return end === this.text.length || this.text.charCodeAt(end) === less ? end : notPlain;
  }

  #afterBlanks(at: number): number {
    const { text } = this;
    let end = at;
    // Not beyond the end: V8 calls a slower function for ever after it was asked for a character there.
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    }
    return end;
  }

  /** Text up to the next `<`. */
  #content(at: number): number {
    const { text } = this;
    const first = this.#afterBlanks(at);
    let end = first;
    for (;;) {
      if (end >= text.length) return notPlain;
      const code = text.charCodeAt(end);
      if (code === less) break;
      if (code === ampersand) {
        end = this.#afterReference(end);
        if (end === notPlain) return notPlain;
        continue;
      }
      if (!isAllowed(code) || (code === bracket && text.startsWith(']]>', end))) return notPlain;
      end++;
    }
    this.#tree.content(at, first, end);
    return end;
  }

  #afterReference(at: number): number {
    reference.lastIndex = at;
    const found = reference.exec(this.text);
    if (!found) return notPlain;
    const [, decimal, hex] = found;
    if (decimal !== undefined && !isCharacter(Number(decimal))) return notPlain;
    if (hex !== undefined && !isCharacter(Number.parseInt(hex, 16))) return notPlain;
    return reference.lastIndex;
  }

  #commentOrCdata(at: number): number {
    const { text } = this;
    if (text.startsWith('<!--', at)) {
      const end = text.indexOf('--', at + 4);
      return end < 0 || text.charCodeAt(end + 2) !== greater || !this.#isClean(at, end) ? notPlain : end + 3;
    }
    if (this.#open.length === 0 || !text.startsWith('<![CDATA[', at)) return notPlain;
    const start = at + '<![CDATA['.length;
    const end = text.indexOf(']]>', start);
    if (end < 0 || !this.#isClean(start, end)) return notPlain;
    this.#tree.content(start, Math.min(this.#afterBlanks(start), end), end);
    return end + 3;
  }

  /** Whether all characters may stand in XML. */
  #isClean(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (!isAllowed(this.text.charCodeAt(i))) return false;
    return true;
  }

  #endTag(at: number): number {
    const { text } = this;
    const name = this.#open.pop();
    if (name === undefined || !text.startsWith(name, at + 2)) return notPlain;
    const end = this.#afterBlanks(at + 2 + name.length);
    if (text.charCodeAt(end) !== greater) return notPlain;
    this.#tree.finish(end + 1);
    return end + 1;
  }

  #startTag(at: number): number {
    const { text } = this;
    const tree = this.#tree;
    let end = this.#afterName(at + 1);
    const isMore = this.#open.length > 0 || tree.elements.length === 0;
    if (end === notPlain || !isMore || tree.depth >= documentLimits.depth) return notPlain;
    if (tree.elements.length >= documentLimits.elements) return notPlain;
    const name = this.#name;
    for (;;) {
      const next = this.#afterBlanks(end);
      const code = text.charCodeAt(next);
      if (code === greater) {
        tree.begin(name, at);
        this.#open.push(name);
        return next + 1;
      }
      if (code === slash) {
        if (text.charCodeAt(next + 1) !== greater) return notPlain;
        tree.begin(name, at);
        tree.finish(next + 2);
        return next + 2;
      }
      end = next === end ? notPlain : this.#attribute(next);
      if (end === notPlain) return notPlain;
    }
  }

  #attribute(at: number): number {
    const { text } = this;
    const { attributes } = this.#tree;
    const nameEnd = this.#afterName(at);
    if (nameEnd === notPlain) return notPlain;
    const equal = this.#afterBlanks(nameEnd);
    if (text.charCodeAt(equal) !== equals) return notPlain;
    const open = this.#afterBlanks(equal + 1);
    const quote = text.charCodeAt(open);
    if (quote !== 0x22 && quote !== 0x27) return notPlain;
    let end = open + 1;
    for (;;) {
      if (end >= text.length) return notPlain;
      const code = text.charCodeAt(end);
      if (code === quote) break;
      if (code === ampersand) {
        end = this.#afterReference(end);
        if (end === notPlain) return notPlain;
        continue;
      }
      if (code === less || !isAllowed(code)) return notPlain;
      end++;
    }
    const name = this.#name;
    for (let n = attributes.count - 1; n >= 0; n--) if (attributes.names[n] === name) return notPlain;
    if (attributes.count === attributesMax || ++this.#allAttributes > documentLimits.allAttributes)
      return notPlain;
    attributes.add(name, open + 1, end);
    return end + 1;
  }

  /** The name that `#afterName` came upon. */
  #name = '';

  #afterName(at: number): number {
    const { text } = this;
    let code = text.charCodeAt(at);
    if (!isNameStart(code)) return notPlain;
    let sum = 0;
    let end = at;
    while (isNameStart(code) || (code >= 0x2d && code <= 0x39 && code !== slash)) {
      sum = (Math.imul(sum, 31) + code) | 0;
      code = text.charCodeAt(++end);
    }
    const place = (sum ^ (sum >>> 10)) & (namesMax - 1);
    const known = this.#names[place] as string;
    if (known.length === end - at && text.startsWith(known, at)) this.#name = known;
    else {
      this.#name = text.slice(at, end);
      this.#names[place] = this.#name;
    }
    return end;
  }
}

/** ASCII of NameStartChar (XML 1.0, 2.3). */
function isNameStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x3a || code === 0x5f;
}

/** Char (XML 1.0, 2.2) of a text without half characters; no character at the end of the text. */
function isAllowed(code: number): boolean {
  return (code >= 0x20 && code < 0xfffe) || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The same of a code point that a reference names. */
function isCharacter(code: number): boolean {
  const isHalf = code >= 0xd800 && code <= 0xdfff;
  return (isAllowed(code) && !isHalf) || (code >= 0x10000 && code <= 0x10ffff);
}

const exclamation = 0x21;
const ampersand = 0x26;
const slash = 0x2f;
const less = 0x3c;
const equals = 0x3d;
const greater = 0x3e;
const question = 0x3f;
const bracket = 0x5d;

import { SaxesParser } from 'saxes';
import { EngineError, isEngineError } from '#kernel';
import { CdaDocument } from './cda-document.js';
import { decodeXml } from './decode-xml.js';
import { documentLimits } from './limits.js';
import { Names } from './names.js';
import { type XmlAttribute, XmlElement } from './xml-element.js';

/**
 * Parses one XML document: elements in order, mixed content, names by namespace. All or nothing: throws `rejected` with line
 * and column where it is malformed (CDA_MALFORMED), has a DOCTYPE (CDA_DOCTYPE) or is beyond `documentLimits`
 * (CDA_TOO_DEEP, CDA_TOO_MANY_ELEMENTS, CDA_TOO_MANY_ATTRIBUTES, CDA_TOO_LARGE). No entity is ever fetched or defined.
 */
export function parseDocument(bytes: Uint8Array): CdaDocument {
  return new DocumentReader(decodeXml(bytes), bytes).read();
}

class DocumentReader {
  readonly #parser = new SaxesParser();
  readonly #elements: XmlElement[] = [];
  /** Meanings of prefixes at the elements around, where they changed. */
  readonly #outerNames: { readonly element: XmlElement; readonly names: Names }[] = [];
  #names = new Names();
  #open: XmlElement | undefined;
  #depth = 0;
  #attributes = 0;
  /** Where the last markup ended. */
  #after = 0;
  /** The text of a section is open: blanks count in it. */
  #narrative: XmlElement | undefined;

  constructor(
    readonly text: string,
    readonly bytes: Uint8Array,
  ) {}

  read(): CdaDocument {
    const parser = this.#parser;
    // As few as can be: with eight handlers the parser is five times slower (V8 then keeps its properties in a table).
    parser.on('attribute', () => {
      if (++this.#attributes > documentLimits.attributes)
        this.#refuse('CDA_TOO_MANY_ATTRIBUTES', `more than ${documentLimits.attributes} attributes`);
    });
    parser.on('opentag', ({ name }) => {
      this.#start(name);
    });
    parser.on('closetag', () => {
      this.#end();
    });
    parser.on('text', () => {
      this.#content(this.#afterComments(this.#after), parser.position - 1);
    });
    parser.on('cdata', () => {
      const end = parser.position - ']]>'.length;
      this.#content(this.text.lastIndexOf('<![CDATA[', end) + '<![CDATA['.length, end);
      this.#after = parser.position;
    });
    try {
      parser.write(this.text).close();
    } catch (error) {
      if (isEngineError(error) || !(error instanceof Error)) throw error;
      const message = /^\d+:\d+: (.*)$/s.exec(error.message)?.[1];
      if (message === undefined) throw error;
      this.#refuse('CDA_MALFORMED', `malformed XML: ${message.replace(/\.$/, '')}`);
    }
    const [root] = this.#elements;
    if (!root) return this.#refuse('CDA_MALFORMED', 'malformed XML: there is no element');
    return new CdaDocument(this.text, root, this.#elements, this.bytes);
  }

  #start(written: string): void {
    const end = this.#parser.position;
    const start = this.text.lastIndexOf('<', end - 1);
    if (this.#elements.length === 0) this.#checkProlog(start);
    const raw = this.#attributes === 0 ? noAttributes : this.#readAttributes(start + 1 + written.length);
    this.#attributes = 0;
    if (++this.#depth > documentLimits.depth)
      this.#refuse('CDA_TOO_DEEP', `elements stand in each other more than ${documentLimits.depth} deep`);
    if (this.#elements.length >= documentLimits.elements)
      this.#refuse('CDA_TOO_MANY_ELEMENTS', `more than ${documentLimits.elements} elements`);
    const declares = raw.some(({ name }) => name.startsWith('xmlns'));
    const outer = this.#names;
    if (declares)
      this.#names = outer.with(raw, (one) => this.text.slice(one.start, one.end).replaceAll('&amp;', '&'));
    const names = this.#names;
    const attributes =
      declares || raw.some(({ name }) => name.includes(':'))
        ? raw
            .filter(({ name }) => !/^xmlns(?::|$)/.test(name))
            .map((one) => ({ ...one, name: names.attribute(one.name) }))
        : raw;
    const parent = this.#open;
    const element = new XmlElement(names.element(written), parent, attributes, start, this.#elements.length);
    if (declares) this.#outerNames.push({ element, names: outer });
    this.#elements.push(element);
    parent?.children.push(element);
    this.#open = element;
    this.#after = end;
    if (element.name === 'text' && parent?.name === 'section') this.#narrative ??= element;
  }

  /** What stands before the first element: comments, processing instructions, and nothing else. */
  #checkProlog(end: number): void {
    let at = 0;
    while (at < end) {
      const next = this.#afterComments(at);
      if (next === at && this.text.startsWith('<!DOCTYPE', at))
        this.#refuse(
          'CDA_DOCTYPE',
          'a document type declaration is refused: CDA has none, and it may do harm',
        );
      at = next === at ? at + 1 : next;
    }
  }

  #end(): void {
    const element = this.#open as XmlElement;
    this.#after = this.#parser.position;
    element.end = this.#after;
    this.#open = element.parent;
    this.#depth--;
    if (this.#narrative === element) this.#narrative = undefined;
    const last = this.#outerNames.at(-1);
    if (last?.element !== element) return;
    this.#names = last.names;
    this.#outerNames.pop();
  }

  #content(start: number, end: number): void {
    const { text } = this;
    let first = start;
    while (first < end && text.charCodeAt(first) <= 0x20) first++;
    if (end > start && (first < end || this.#narrative))
      this.#open?.children.push({ kind: 'text', start, end });
    this.#after = end;
  }

  /** Comments and processing instructions that stand at `at`, which saxes has found to be well-formed, are passed over. */
  #afterComments(at: number): number {
    const { text } = this;
    let start = at;
    while (text.charCodeAt(start) === lessThan) {
      if (text.startsWith('<!--', start)) start = text.indexOf('-->', start + 4) + 3;
      else if (text.startsWith('<?', start)) start = text.indexOf('?>', start + 2) + 2;
      else break;
    }
    return start;
  }

  /** What stands in a tag from `at` on, which saxes has found to be well-formed. */
  #readAttributes(at: number): XmlAttribute[] {
    const { text } = this;
    const attributes: XmlAttribute[] = [];
    for (let i = at, left = this.#attributes; left > 0; left--) {
      while (text.charCodeAt(i) <= 0x20) i++;
      const equals = text.indexOf('=', i);
      let quote = equals + 1;
      while (text.charCodeAt(quote) <= 0x20) quote++;
      const end = text.indexOf(text.charAt(quote), quote + 1);
      attributes.push({ name: text.slice(i, equals).trimEnd(), start: quote + 1, end });
      i = end + 1;
    }
    return attributes;
  }

  #refuse(code: string, message: string): never {
    const { line, columnIndex } = this.#parser;
    const place = `line ${line}, column ${columnIndex + 1}`;
    throw new EngineError('rejected', code, `${place}: ${message}`);
  }
}

const noAttributes: readonly XmlAttribute[] = [];
const lessThan = 0x3c;

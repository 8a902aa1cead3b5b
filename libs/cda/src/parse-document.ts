import { SaxesParser } from 'saxes';
import { EngineError, isEngineError } from '#kernel';
import { CdaDocument } from './cda-document.js';
import { decodeXml } from './decode-xml.js';
import { documentLimits } from './limits.js';
import { Names } from './names.js';
import { XmlAttribute, XmlElement, XmlText } from './xml-element.js';

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
  #allAttributes = 0;
  /** The attributes of the tag at hand: names as written, where values begin and end. */
  readonly #written: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
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
      if (++this.#allAttributes > documentLimits.allAttributes)
        this.#refuse(
          'CDA_TOO_MANY_ATTRIBUTES',
          `more than ${documentLimits.allAttributes} attributes in all`,
        );
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
      // Behind a colon stands what was found: where a `<` is missing its mate, that may be the name of a patient.
      this.#refuse('CDA_MALFORMED', `malformed XML: ${message.replace(/:.*$|\.$/s, '')}`);
    }
    const [root] = this.#elements;
    if (!root) return this.#refuse('CDA_MALFORMED', 'malformed XML: there is no element');
    return new CdaDocument(this.text, root, this.#elements, this.bytes);
  }

  #start(written: string): void {
    const end = this.#parser.position;
    const start = this.text.lastIndexOf('<', end - 1);
    if (this.#elements.length === 0) this.#checkProlog(start);
    if (++this.#depth > documentLimits.depth)
      this.#refuse('CDA_TOO_DEEP', `elements stand in each other more than ${documentLimits.depth} deep`);
    if (this.#elements.length >= documentLimits.elements)
      this.#refuse('CDA_TOO_MANY_ELEMENTS', `more than ${documentLimits.elements} elements`);
    const outer = this.#names;
    const attributes = this.#attributes === 0 ? undefined : this.#readAttributes(start + 1 + written.length);
    const parent = this.#open;
    const element = new XmlElement(
      this.#names.element(written),
      parent,
      attributes,
      start,
      this.#elements.length,
    );
    if (this.#names !== outer) this.#outerNames.push({ element, names: outer });
    this.#elements.push(element);
    parent?.append(element);
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
    if (end > start && (first < end || this.#narrative)) this.#open?.append(new XmlText(start, end));
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

  /** What stands in a tag from `at` on, which saxes has found to be well-formed; what it says of prefixes holds in it. */
  #readAttributes(at: number): XmlAttribute | undefined {
    const { text } = this;
    const count = this.#attributes;
    this.#attributes = 0;
    const starts = this.#starts;
    const ends = this.#ends;
    const written = this.#written;
    let declares = false;
    for (let i = at, n = 0; n < count; n++) {
      while (text.charCodeAt(i) <= 0x20) i++;
      let nameEnd = i;
      while (text.charCodeAt(nameEnd) > 0x20 && text.charCodeAt(nameEnd) !== equals) nameEnd++;
      const name = text.slice(i, nameEnd);
      let quote = text.indexOf('=', nameEnd) + 1;
      while (text.charCodeAt(quote) <= 0x20) quote++;
      const end = text.indexOf(text.charAt(quote), quote + 1);
      written[n] = name;
      starts[n] = quote + 1;
      ends[n] = end;
      if (name.startsWith('xmlns')) declares ||= name === 'xmlns' || name.startsWith('xmlns:');
      i = end + 1;
    }
    if (declares) this.#names = this.#names.with(written.slice(0, count), (n) => this.#uri(n));
    let first: XmlAttribute | undefined;
    for (let n = count - 1; n >= 0; n--) {
      const name = written[n] as string;
      if (declares && (name === 'xmlns' || name.startsWith('xmlns:'))) continue;
      const one = new XmlAttribute(this.#names.attribute(name), starts[n] as number, ends[n] as number);
      one.next = first;
      first = one;
    }
    return first;
  }

  #uri(n: number): string {
    return this.text.slice(this.#starts[n], this.#ends[n]).replaceAll('&amp;', '&');
  }

  #refuse(code: string, message: string): never {
    const { line, columnIndex } = this.#parser;
    // The parser stands behind what it does not understand.
    const place = `line ${line}, column ${Math.max(1, columnIndex)}`;
    throw new EngineError('rejected', code, `${place}: ${message}`);
  }
}

const lessThan = 0x3c;
const equals = 0x3d;

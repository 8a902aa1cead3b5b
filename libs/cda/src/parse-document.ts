import { SaxesParser } from 'saxes';
import { EngineError, isEngineError } from '#kernel';
import { CdaDocument } from './cda-document.js';
import { decodeXml } from './decode-xml.js';
import { documentLimits } from './limits.js';
import { scanDocument } from './scan-document.js';
import { TreeBuilder } from './tree-builder.js';
import type { XmlElement } from './xml-element.js';

/**
 * Parses one XML document: elements in order, mixed content, names by namespace. All or nothing: throws `rejected` with line
 * and column where it is malformed (CDA_MALFORMED), has a DOCTYPE (CDA_DOCTYPE) or is beyond `documentLimits`
 * (CDA_TOO_DEEP, CDA_TOO_MANY_ELEMENTS, CDA_TOO_MANY_ATTRIBUTES, CDA_TOO_LARGE). No entity is ever fetched or defined.
 */
export function parseDocument(bytes: Uint8Array): CdaDocument {
  const text = decodeXml(bytes);
  const elements = scanDocument(text) ?? readDocument(text);
  return new CdaDocument(text, elements[0] as XmlElement, elements, bytes);
}

/** The elements of a document, the root first, as saxes reads it. Throws as `parseDocument` does. */
export function readDocument(text: string): readonly XmlElement[] {
  return new DocumentReader(text).read();
}

class DocumentReader {
  readonly #parser = new SaxesParser();
  readonly #tree: TreeBuilder;
  /** Of the tag at hand. */
  #attributes = 0;
  #allAttributes = 0;
  /** Where the last markup ended. */
  #after = 0;

  constructor(readonly text: string) {
    this.#tree = new TreeBuilder(text);
  }

  read(): readonly XmlElement[] {
    const parser = this.#parser;
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
      this.#after = parser.position;
      this.#tree.finish(this.#after);
    });
    parser.on('text', () => {
      this.#content(this.#afterComments(this.#after), parser.position - 1);
    });
    parser.on('cdata', () => {
      const end = parser.position - ']]>'.length;
      this.#content(this.#afterComments(this.#after) + '<![CDATA['.length, end);
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
    const { elements } = this.#tree;
    if (elements.length === 0) this.#refuse('CDA_MALFORMED', 'malformed XML: there is no element');
    return elements;
  }

  #start(written: string): void {
    const end = this.#parser.position;
    const start = this.text.lastIndexOf('<', end - 1);
    const { elements, depth } = this.#tree;
    if (elements.length === 0) this.#checkProlog(start);
    if (depth >= documentLimits.depth)
      this.#refuse('CDA_TOO_DEEP', `elements stand in each other more than ${documentLimits.depth} deep`);
    if (elements.length >= documentLimits.elements)
      this.#refuse('CDA_TOO_MANY_ELEMENTS', `more than ${documentLimits.elements} elements`);
    if (this.#attributes > 0) this.#readAttributes(start + 1 + written.length);
    this.#tree.begin(written, start);
    this.#after = end;
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

  #content(start: number, end: number): void {
    const { text } = this;
    let first = start;
    while (first < end && text.charCodeAt(first) <= 0x20) first++;
    this.#tree.content(start, first, end);
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
  #readAttributes(at: number): void {
    const { text } = this;
    const { attributes } = this.#tree;
    let i = at;
    for (; this.#attributes > 0; this.#attributes--) {
      while (text.charCodeAt(i) <= 0x20) i++;
      let nameEnd = i;
      while (text.charCodeAt(nameEnd) > 0x20 && text.charCodeAt(nameEnd) !== equals) nameEnd++;
      let quote = text.indexOf('=', nameEnd) + 1;
      while (text.charCodeAt(quote) <= 0x20) quote++;
      const end = text.indexOf(text.charAt(quote), quote + 1);
      attributes.add(text.slice(i, nameEnd), quote + 1, end);
      i = end + 1;
    }
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

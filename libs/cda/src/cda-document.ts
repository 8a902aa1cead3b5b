import { type XmlAttribute, XmlElement, type XmlText } from './xml-element.js';

/** Sees a value: of an attribute, or text of an element. */
export type LeafVisitor = (element: XmlElement, leaf: XmlAttribute | XmlText) => void;

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const reference = /&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([a-z]+));/g;
const cdataStart = '<![CDATA[';

/** One parsed document: its text, and the elements in it by their places. Immutable. */
export class CdaDocument {
  /** Some value is not written as it is read: with references, CDATA or line ends of other systems. */
  readonly hasEscapes: boolean;
  /** Stands for the document: its only child is the root element. */
  readonly above: XmlElement;
  readonly #paths = new Map<XmlElement, string>();
  #byId: Map<string, XmlElement> | undefined;
  #lines: number[] | undefined;
  /** What was found last is mostly asked for next. */
  lastFound: XmlElement | undefined;

  constructor(
    /** As it was sent, decoded. */
    readonly text: string,
    readonly root: XmlElement,
    /** In the order of the document. */
    readonly elements: readonly XmlElement[],
    /** As it was sent. */
    readonly bytes: Uint8Array,
  ) {
    this.hasEscapes = text.includes('&') || text.includes('\r');
    this.above = new XmlElement('', undefined, undefined, -1, -1);
    this.above.append(root);
    this.above.end = text.length;
  }

  /** What the text between two places says: references resolved, line ends made one. */
  valueBetween(start: number, end: number): string {
    const raw = this.text.slice(start, end);
    const text = raw.includes('\r') ? raw.replaceAll(/\r\n?/g, '\n') : raw;
    if (!text.includes('&') || this.text.startsWith(cdataStart, start - cdataStart.length)) return text;
    return text.replaceAll(reference, (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    });
  }

  /** The value as it may stand in XML, in text and between double quotes. */
  markupOf({ start, end }: XmlAttribute | XmlText): string {
    const raw = this.text.slice(start, end);
    if (!this.text.startsWith(cdataStart, start - cdataStart.length) && !/[\r"<]/.test(raw)) return raw;
    return this.valueBetween(start, end).replaceAll(/[&<>"]/g, (one) => escapes[one] ?? one);
  }

  value(leaf: XmlAttribute | XmlText): string {
    return this.valueBetween(leaf.start, leaf.end);
  }

  /** The value of an attribute without blanks around it; undefined when there is none or it is empty. */
  attribute(element: XmlElement, name: string): string | undefined {
    const found = element.attribute(name);
    return found && (this.value(found).trim() || undefined);
  }

  /** All text in an element, as it stands there. */
  textOf(element: XmlElement): string {
    let text = '';
    for (let one = element.first; one; one = one.next)
      text += one.kind === 'text' ? this.value(one) : this.textOf(one);
    return text;
  }

  /** The element whose tag begins at `start`. */
  elementAt(start: number): XmlElement | undefined {
    if (this.lastFound?.start === start) return this.lastFound;
    const found = this.#around(start);
    if (found?.start !== start) return undefined;
    this.lastFound = found;
    return found;
  }

  /** The element that has `ID="id"`, the first of them. */
  byId(id: string): XmlElement | undefined {
    if (!this.#byId) {
      this.#byId = new Map();
      for (const element of this.elements) {
        const own = this.attribute(element, 'ID');
        if (own !== undefined && !this.#byId.has(own)) this.#byId.set(own, element);
      }
    }
    return this.#byId.get(id);
  }

  /** Every value in the order of the document: attributes, and text that is more than blanks. */
  eachLeaf(see: LeafVisitor): void {
    for (const element of this.elements) {
      for (let attribute = element.firstAttribute; attribute; attribute = attribute.next)
        if (this.hasText(attribute)) see(element, attribute);
      for (let child = element.first; child; child = child.next)
        if (child.kind === 'text' && this.hasText(child)) see(element, child);
    }
  }

  /** Whether there is more than blanks. */
  hasText({ start, end }: XmlAttribute | XmlText): boolean {
    for (let i = start; i < end; i++) if (this.text.charCodeAt(i) > 0x20) return true;
    return false;
  }

  /** `ClinicalDocument/component/structuredBody/component[3]/section/code/@code` */
  path(element: XmlElement, leaf?: XmlAttribute | XmlText): string {
    const path = this.#pathOf(element);
    return leaf && 'name' in leaf ? `${path}/@${leaf.name}` : path;
  }

  #pathOf(element: XmlElement): string {
    const { parent } = element;
    if (!parent) return element.name;
    let path = this.#paths.get(element);
    if (path === undefined) {
      this.#nameChildren(parent);
      path = this.#paths.get(element) ?? '';
    }
    return path;
  }

  /** The paths of all that is in an element: with a number where there are several of a name. */
  #nameChildren(parent: XmlElement): void {
    const counts = new Map<string, number>();
    for (let one = parent.first; one; one = one.next)
      if (one.kind === 'element') counts.set(one.name, (counts.get(one.name) ?? 0) + 1);
    const numbers = new Map<string, number>();
    const around = this.#pathOf(parent);
    for (let one = parent.first; one; one = one.next) {
      if (one.kind === 'text') continue;
      const number = (numbers.get(one.name) ?? 0) + 1;
      numbers.set(one.name, number);
      const step = (counts.get(one.name) ?? 0) > 1 ? `${one.name}[${number}]` : one.name;
      this.#paths.set(one, `${around}/${step}`);
    }
  }

  /** The path of the element or attribute that stands at `offset`. */
  pathAt(offset: number): string | undefined {
    const element = this.#around(offset);
    let leaf = element?.firstAttribute;
    while (leaf && (leaf.start > offset || leaf.end < offset)) leaf = leaf.next;
    return element && this.path(element, leaf);
  }

  /** Line and column, from 1, of a place in the text. */
  placeAt(offset: number): { line: number; column: number } {
    if (!this.#lines) {
      this.#lines = [0];
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1))
        this.#lines.push(at + 1);
    }
    const lines = this.#lines;
    const line = lastBefore(lines.length, (i) => (lines[i] ?? 0) <= offset);
    return { line: line + 1, column: offset - (lines[line] ?? 0) + 1 };
  }

  /** The innermost element whose text holds `offset`. */
  #around(offset: number): XmlElement | undefined {
    const { elements } = this;
    let found = elements[lastBefore(elements.length, (i) => (elements[i]?.start ?? 0) <= offset)];
    while (found && found.end <= offset) found = found.parent;
    return found;
  }
}

/** The last of `count` numbers, of which the first ones hold, that holds; 0 when none does. */
function lastBefore(count: number, holds: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Stands where there is no document. */
export const noDocument = new CdaDocument(
  '',
  new XmlElement('', undefined, undefined, 0, 0),
  [],
  new Uint8Array(0),
);

import type { XmlAttribute, XmlElement, XmlText } from './xml-element.js';

/** Sees a value: of an attribute, or text of an element. */
export type LeafVisitor = (element: XmlElement, leaf: XmlAttribute | XmlText) => void;

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const reference = /&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([a-z]+));/g;
const cdataStart = '<![CDATA[';

/** One parsed document: its text, and the elements in it by their places. Immutable. */
export class CdaDocument {
  /** Some value is not written as it is read: with references, CDATA or line ends of other systems. */
  readonly hasEscapes: boolean;
  #byId: Map<string, XmlElement> | undefined;
  #lines: number[] | undefined;
  #lastFound: XmlElement | undefined;

  constructor(
    /** As it was sent, decoded. */
    readonly text: string,
    readonly root: XmlElement,
    /** In the order of the document. */
    readonly elements: readonly XmlElement[],
  ) {
    this.hasEscapes = /[&\r]/.test(text);
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
    for (const one of element.children) text += one.kind === 'text' ? this.value(one) : this.textOf(one);
    return text;
  }

  /** The element whose tag begins at `start`. */
  elementAt(start: number): XmlElement | undefined {
    if (this.#lastFound?.start === start) return this.#lastFound;
    const found = this.#around(start);
    if (found?.start !== start) return undefined;
    this.#lastFound = found;
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

  /** Every value in the order of the document. */
  eachLeaf(see: LeafVisitor): void {
    for (const element of this.elements) {
      for (const attribute of element.attributes) if (attribute.end > attribute.start) see(element, attribute);
      for (const child of element.children)
        if (child.kind === 'text' && this.#isSeen(child)) see(element, child);
    }
  }

  #isSeen({ start, end }: XmlText): boolean {
    for (let i = start; i < end; i++) if (this.text.charCodeAt(i) > 0x20) return true;
    return false;
  }

  /** `ClinicalDocument/component/structuredBody/component[3]/section/code/@code` */
  path(element: XmlElement, leaf?: XmlAttribute | XmlText): string {
    const steps: string[] = [];
    for (let at: XmlElement | undefined = element; at; at = at.parent) steps.push(at.step());
    const path = steps.reverse().join('/');
    return leaf && 'name' in leaf ? `${path}/@${leaf.name}` : path;
  }

  /** The path of the element or attribute that stands at `offset`. */
  pathAt(offset: number): string | undefined {
    const element = this.#around(offset);
    const leaf = element?.attributes.find(({ start, end }) => start <= offset && offset <= end);
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

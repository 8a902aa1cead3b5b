import { Names } from './names.js';
import { XmlAttribute, XmlElement, XmlText } from './xml-element.js';

/** The attributes of the tag at hand: names as written, and where values begin and end. One list serves all tags. */
class TagAttributes {
  readonly names: string[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  count = 0;

  add(name: string, start: number, end: number): void {
    const n = this.count++;
    this.names[n] = name;
    this.starts[n] = start;
    this.ends[n] = end;
  }
}

/** Puts the tree of a document together from what a reader finds in its text, which is well-formed as far as it was read. */
export class TreeBuilder {
  /** In the order of the document. */
  readonly elements: XmlElement[] = [];
  readonly attributes = new TagAttributes();
  depth = 0;
  /** Meanings of prefixes at the elements around, where they changed. */
  readonly #outerNames: { readonly element: XmlElement; readonly names: Names }[] = [];
  #names = new Names();
  #open: XmlElement | undefined;
  /** The text of a section is open: blanks count in it. */
  #narrative: XmlElement | undefined;

  constructor(readonly text: string) {}

  /** An element begins at `start`, with `attributes`, which are taken. */
  begin(written: string, start: number): void {
    const outer = this.#names;
    const first = this.attributes.count === 0 ? undefined : this.#takeAttributes();
    const parent = this.#open;
    const element = new XmlElement(this.#names.element(written), parent, first, start, this.elements.length);
    if (this.#names !== outer) this.#outerNames.push({ element, names: outer });
    this.elements.push(element);
    parent?.append(element);
    this.#open = element;
    this.depth++;
    if (element.name === 'text' && parent?.name === 'section') this.#narrative ??= element;
  }

  /** The open element ends before `end`. */
  finish(end: number): void {
    const element = this.#open as XmlElement;
    element.end = end;
    this.#open = element.parent;
    this.depth--;
    if (this.#narrative === element) this.#narrative = undefined;
    const last = this.#outerNames.at(-1);
    if (last?.element !== element) return;
    this.#names = last.names;
    this.#outerNames.pop();
  }

  /** Text in the open element; `first`: where it has more than blanks, `end` when nowhere. */
  content(start: number, first: number, end: number): void {
    if (end > start && (first < end || this.#narrative)) this.#open?.append(new XmlText(start, end));
  }

  /** What a tag says of prefixes holds in it. */
  #takeAttributes(): XmlAttribute | undefined {
    const { names, starts, ends, count } = this.attributes;
    this.attributes.count = 0;
    let declares = false;
    for (let n = 0; n < count; n++) declares ||= isDeclaration(names[n] as string);
    if (declares) this.#names = this.#names.with(names.slice(0, count), (n) => this.#uri(n));
    let first: XmlAttribute | undefined;
    for (let n = count - 1; n >= 0; n--) {
      const name = names[n] as string;
      if (declares && isDeclaration(name)) continue;
      const one = new XmlAttribute(this.#names.attribute(name), starts[n] as number, ends[n] as number);
      one.next = first;
      first = one;
    }
    return first;
  }

  #uri(n: number): string {
    const { starts, ends } = this.attributes;
    return this.text.slice(starts[n], ends[n]).replaceAll('&amp;', '&');
  }
}

function isDeclaration(name: string): boolean {
  return name.charCodeAt(0) === 0x78 && (name === 'xmlns' || name.startsWith('xmlns:'));
}

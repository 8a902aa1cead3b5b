/** An attribute; its value stands in the text of the document between `start` and `end`, as it was written. */
export class XmlAttribute {
  /** The next attribute of the element. */
  next: XmlAttribute | undefined = undefined;

  constructor(
    readonly name: string,
    readonly start: number,
    readonly end: number,
  ) {}
}

/** Character data between two tags, as it was written. */
export class XmlText {
  /** What follows it in the element around. */
  next: XmlNode | undefined = undefined;

  constructor(
    readonly start: number,
    readonly end: number,
  ) {}

  get kind(): 'text' {
    return 'text';
  }
}

/** One of 31 bits for a name of elements; different names may share one. */
export function nameBit(name: string): number {
  const { length } = name;
  return (
    1 <<
    ((name.charCodeAt(0) + name.charCodeAt(length - 1) * 5 + name.charCodeAt(length >> 1) * 3 + length) % 31)
  );
}

/** The same for a name of attributes. */
export function attributeBit(name: string): number {
  const { length } = name;
  return 1 << ((name.charCodeAt(0) * 3 + name.charCodeAt(length - 1) + length * 7) % 31);
}

export type XmlNode = XmlElement | XmlText;

/**
 * An element. Names of urn:hl7-org:v3 stand alone, those of urn:hl7-org:sdtc and pharm have prefixes, `xsi:type` is that of
 * XML Schema; others are `{namespace}name`, whatever prefix the sender chose. What is in it, and its attributes, are chains: a
 * document has thousands of them, and lists for each would be most of its memory.
 */
export class XmlElement {
  /** After the end tag. */
  end = 0;
  /** What is in it. */
  first: XmlNode | undefined = undefined;
  #last: XmlNode | undefined = undefined;
  /** What follows it in the element around. */
  next: XmlNode | undefined = undefined;
  /** Names of its children and attributes, by `nameBit` and `attributeBit`: what has no bit here is not there. */
  bits = 0;

  constructor(
    readonly name: string,
    readonly parent: XmlElement | undefined,
    readonly firstAttribute: XmlAttribute | undefined,
    /** Where its tag begins in the text of the document. */
    readonly start: number,
    /** In the order of the document, from 0. */
    readonly index: number,
  ) {
    for (let one = firstAttribute; one; one = one.next) this.bits |= attributeBit(one.name);
  }

  get kind(): 'element' {
    return 'element';
  }

  /** Puts a node behind those that are in it. */
  append(node: XmlNode): void {
    if (node.kind === 'element') this.bits |= nameBit(node.name);
    if (this.#last) this.#last.next = node;
    else this.first = node;
    this.#last = node;
  }

  attribute(name: string): XmlAttribute | undefined {
    for (let one = this.firstAttribute; one; one = one.next) if (one.name === name) return one;
    return undefined;
  }

  /** The first child of that name. */
  child(name: string): XmlElement | undefined {
    for (let one = this.first; one; one = one.next)
      if (one.kind === 'element' && one.name === name) return one;
    return undefined;
  }

  childrenNamed(name: string): XmlElement[] {
    const found: XmlElement[] = [];
    for (let one = this.first; one; one = one.next)
      if (one.kind === 'element' && one.name === name) found.push(one);
    return found;
  }
}

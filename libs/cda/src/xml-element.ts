/** An attribute; its value stands in the text of the document between `start` and `end`, as it was written. */
export interface XmlAttribute {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Character data between two tags, as it was written. */
export interface XmlText {
  readonly kind: 'text';
  readonly start: number;
  readonly end: number;
}

/**
 * An element. Names of urn:hl7-org:v3 stand alone, those of urn:hl7-org:sdtc are `sdtc:name`, `xsi:type` is the attribute of
 * XML Schema; others are `{namespace}name`, whatever prefix the sender chose.
 */
export class XmlElement {
  readonly kind = 'element';
  readonly children: (XmlElement | XmlText)[] = [];
  /** After the end tag. */
  end = 0;

  constructor(
    readonly name: string,
    readonly parent: XmlElement | undefined,
    readonly attributes: readonly XmlAttribute[],
    /** Where its tag begins in the text of the document. */
    readonly start: number,
    /** In the order of the document, from 0. */
    readonly index: number,
  ) {}

  attribute(name: string): XmlAttribute | undefined {
    for (const one of this.attributes) if (one.name === name) return one;
    return undefined;
  }

  /** The first child of that name. */
  child(name: string): XmlElement | undefined {
    for (const one of this.children) if (one.kind === 'element' && one.name === name) return one;
    return undefined;
  }

  childrenNamed(name: string): XmlElement[] {
    return this.children.filter((one): one is XmlElement => one.kind === 'element' && one.name === name);
  }

  /** `component[3]`: with its number where there are several of its name. */
  step(): string {
    if (!this.parent) return this.name;
    let number = 0;
    let count = 0;
    for (const one of this.parent.children) {
      if (one.kind !== 'element' || one.name !== this.name) continue;
      count++;
      if (one === this) number = count;
    }
    return count > 1 ? `${this.name}[${number}]` : this.name;
  }
}

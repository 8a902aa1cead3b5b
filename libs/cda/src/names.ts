const hl7 = 'urn:hl7-org:v3';
const prefixes: Readonly<Record<string, string>> = {
  'urn:hl7-org:sdtc': 'sdtc',
  'urn:hl7-org:pharm': 'pharm',
  'http://www.w3.org/2001/XMLSchema-instance': 'xsi',
  'http://www.w3.org/XML/1998/namespace': 'xml',
};

/** What prefixes mean at one place of a document. */
export class Names {
  readonly #elements = new Map<string, string>();
  readonly #attributes = new Map<string, string>();

  constructor(
    private readonly uris: ReadonlyMap<string, string> = new Map(),
    private readonly outer?: Names,
  ) {}

  /** With what the attributes of an element say of prefixes; `valueOf` is asked by their number. */
  with(written: readonly string[], valueOf: (n: number) => string): Names {
    const uris = new Map<string, string>();
    for (const [n, name] of written.entries()) {
      if (name === 'xmlns') uris.set('', valueOf(n));
      else if (name.startsWith('xmlns:')) uris.set(name.slice('xmlns:'.length), valueOf(n));
    }
    return new Names(uris, this);
  }

  element(written: string): string {
    return this.#known(this.#elements, written, true);
  }

  /** An attribute without a prefix is in no namespace. */
  attribute(written: string): string {
    return this.#known(this.#attributes, written, false);
  }

  #known(names: Map<string, string>, written: string, isElement: boolean): string {
    let name = names.get(written);
    if (name === undefined) {
      name = this.#name(written, isElement);
      names.set(written, name);
    }
    return name;
  }

  #name(written: string, isElement: boolean): string {
    const colon = written.indexOf(':');
    const prefix = colon < 0 ? '' : written.slice(0, colon);
    const local = written.slice(colon + 1);
    const uri = this.#uriOf(prefix);
    // Snippets come without declarations: what everybody writes is what is meant.
    if (uri === undefined) return written;
    if (colon < 0 && !isElement) return written;
    if (uri === hl7 || (uri === '' && isElement)) return local;
    const known = prefixes[uri];
    return known === undefined ? `{${uri}}${local}` : `${known}:${local}`;
  }

  /** Chained, not copied: elements without end may each declare something below hundreds of prefixes. */
  #uriOf(prefix: string): string | undefined {
    return this.uris.get(prefix) ?? (this.outer ? this.outer.#uriOf(prefix) : undefined);
  }
}

import { SaxesParser, type SaxesTagNS } from 'saxes';

export const xhtml = 'http://www.w3.org/1999/xhtml';

/** Writes a narrative anew from what a parser tells: for one that takes its namespace from elsewhere. */
export class NarrativeWriter {
  #text = '';
  depth = 0;
  /** True when the source as it stands would not do: a prefix, or no namespace of its own. */
  foreign = false;

  get text(): string {
    return this.#text;
  }

  open(tag: SaxesTagNS): void {
    const first = this.depth === 0;
    this.depth += 1;
    this.foreign ||= tag.prefix !== '' || (first && tag.attributes['xmlns'] === undefined);
    let attributes = first ? ` xmlns="${xhtml}"` : '';
    for (const { name, prefix, value } of Object.values(tag.attributes))
      if (name !== 'xmlns' && prefix !== 'xmlns') attributes += ` ${name}="${escape(value)}"`;
    this.#text += `<${tag.local}${attributes}${tag.isSelfClosing ? '/' : ''}>`;
  }

  close(tag: SaxesTagNS): void {
    this.depth -= 1;
    if (!tag.isSelfClosing) this.#text += `</${tag.local}>`;
  }

  content(text: string): void {
    this.#text += escape(text);
  }
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Throws unless `div` is one well-formed div in the namespace of XHTML, without a document type. */
export function readNarrative(div: string): void {
  const parser = new SaxesParser({ xmlns: true });
  let depth = 0;
  parser.on('doctype', refuseNarrative);
  parser.on('xmldecl', refuseNarrative);
  parser.on('opentag', ({ uri, local }) => {
    if (uri !== xhtml || (depth === 0 && local !== 'div')) refuseNarrative();
    depth += 1;
  });
  if (!div.startsWith('<div')) refuseNarrative();
  parser.write(div).close();
}

function refuseNarrative(): never {
  throw new Error('not a narrative');
}

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isEngineError } from '#kernel';
import type { CdaDocument } from './cda-document.js';
import { documentLimits } from './limits.js';
import { parseDocument } from './parse-document.js';
import type { XmlElement } from './xml-element.js';

const parse = (text: string): CdaDocument => parseDocument(Buffer.from(text));

/** A tree as plain lists: [name, attributes, ...what is in it]. */
type Plain = readonly [string, Readonly<Record<string, string>>, ...(Plain | string)[]];

function plain(document: CdaDocument, element: XmlElement): Plain {
  const attributes: Record<string, string> = {};
  for (let one = element.firstAttribute; one; one = one.next) attributes[one.name] = document.value(one);
  const inside: (Plain | string)[] = [];
  for (let one = element.first; one; one = one.next)
    inside.push(one.kind === 'text' ? document.value(one) : plain(document, one));
  return [element.name, attributes, ...inside];
}

const tree = (text: string): Plain => {
  const document = parse(text);
  return plain(document, document.root);
};

function refusal(text: string | Buffer): string {
  try {
    parseDocument(typeof text === 'string' ? Buffer.from(text) : text);
    return 'nothing';
  } catch (error) {
    return isEngineError(error, 'rejected') ? `${error.code} ${error.message}` : String(error);
  }
}

describe('a parsed document', () => {
  test('keeps the order of mixed content, with references, CDATA and comments read as XML says', () => {
    expect(
      tree('<a>x<!-- c > d -->y<?p a > b?>z<b q="1 &lt; 2"/>\r\n&#65;&amp;<![CDATA[<!-- q<]]>w</a>'),
    ).toEqual(['a', {}, 'x', 'y', 'z', ['b', { q: '1 < 2' }], '\nA&', '<!-- q<', 'w']);
  });

  test('keeps blanks in the text of a section and nowhere else', () => {
    expect(tree('<section> <text> <content>a</content> <content>b</content> </text> </section>')).toEqual([
      'section',
      {},
      ['text', {}, ' ', ['content', {}, 'a'], ' ', ['content', {}, 'b'], ' '],
    ]);
  });

  test('names elements and attributes by their namespace, whatever the prefix', () => {
    const text =
      '<c:a xmlns:c="urn:hl7-org:v3" xmlns:s="urn:hl7-org:sdtc" xmlns:p="urn:hl7-org:pharm" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">' +
      '<s:b i:type="c:CD" s:x="1" y="2"/><d xmlns="urn:other"><e/></d><f xmlns="urn:hl7-org:v3"/><p:g/></c:a>';
    expect(tree(text)).toEqual([
      'a',
      {},
      ['sdtc:b', { 'xsi:type': 'c:CD', 'sdtc:x': '1', y: '2' }],
      ['{urn:other}d', {}, ['{urn:other}e', {}]],
      ['f', {}],
      ['pharm:g', {}],
    ]);
  });

  test('takes names as they are written where nobody declared a prefix', () => {
    expect(tree('<entry><sdtc:b xsi:type="CD"/></entry>')).toEqual([
      'entry',
      {},
      ['sdtc:b', { 'xsi:type': 'CD' }],
    ]);
  });

  test('knows the place of every value', () => {
    const document = parse('<a>\n <b c="1"/>\n <b c = \'2\'>t</b>\n</a>');
    const leaves: [string, string, string][] = [];
    document.eachLeaf((element, leaf) => {
      leaves.push([
        document.path(element, leaf),
        document.value(leaf),
        document.text.slice(leaf.start, leaf.end),
      ]);
      expect(document.pathAt(leaf.start)).toBe(document.path(element, 'name' in leaf ? leaf : undefined));
    });
    expect(leaves).toEqual([
      ['a/b[1]/@c', '1', '1'],
      ['a/b[2]/@c', '2', '2'],
      ['a/b[2]', 't', 't'],
    ]);
    expect(document.placeAt(document.text.indexOf("'2'"))).toEqual({ line: 3, column: 9 });
  });

  test.each([
    ['UTF-8 with a mark', Buffer.from('\uFEFF<a>ä</a>')],
    ['UTF-16, little end first', Buffer.from('\uFEFF<a>ä</a>', 'utf16le')],
    ['UTF-16, big end first', Buffer.from('\uFEFF<a>ä</a>', 'utf16le').swap16()],
    ['ISO 8859-1 as declared', Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>', 'latin1')],
  ])('is read in its encoding: %s', (_name, bytes) => {
    const document = parseDocument(bytes);
    expect(document.textOf(document.root)).toBe('ä');
  });
});

describe('a document that is refused', () => {
  test.each([
    ['<a>\n<b></a>', /^CDA_MALFORMED line 2, column 7: malformed XML/],
    ['<a b="1" b="2"/>', /^CDA_MALFORMED line 1, .*duplicate attribute/],
    ['<a>&nbsp;</a>', /^CDA_MALFORMED line 1, .*undefined entity/],
    ['<a/><b/>', /^CDA_MALFORMED/],
    // What may be a name of a person is not told.
    ['<a>result <Smith of</a>', /^CDA_MALFORMED line 1, column \d+: (?!.*Smith).*$/s],
    ['<a><Smith></a>', /^CDA_MALFORMED line 1, column \d+: (?!.*Smith).*$/s],
    ['<a>&Smith;</a>', /^CDA_MALFORMED line 1, column \d+: (?!.*Smith).*$/s],
    ['', /^CDA_MALFORMED line 1, column 1/],
    ['<a>\u0001</a>', /^CDA_MALFORMED/],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /^CDA_DOCTYPE line 1/],
    ['<!-- c --> <!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', /^CDA_DOCTYPE/],
    ['<?xml version="1.0" encoding="x-martian"?><a/>', /^CDA_ENCODING_UNKNOWN/],
  ])('%j', (text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  test('bytes that are no text in their encoding', () => {
    expect(refusal(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0xfe, 0x3c]))).toMatch(/^CDA_ENCODING_INVALID/);
  });

  test('the word DOCTYPE in a comment is no declaration', () => {
    expect(refusal('<!-- <!DOCTYPE a> --><a/>')).toBe('nothing');
  });
});

describe('hostile documents', () => {
  const hostile: readonly (readonly [string, () => string, RegExp])[] = [
    ['100,000 levels', () => '<a>'.repeat(100_000) + '</a>'.repeat(100_000), /^CDA_TOO_DEEP/],
    [
      '10 million attributes of one element',
      () => `<a ${Array.from({ length: 5_000_000 }, (_, n) => `a${n}=""`).join(' ')}/>`,
      /^CDA_TOO_MANY_ATTRIBUTES|^CDA_TOO_LARGE/,
    ],
    [
      'attributes without end of many elements',
      () =>
        `<a>${'<b a="" b="" c="" d="" e="" f="" g="" h="" i="" j="" k="" l="" m="" n="" o=""/>'.repeat(210_000)}</a>`,
      /^CDA_TOO_MANY_ATTRIBUTES/,
    ],
    ['elements without end', () => `<a>${'<b/>'.repeat(1_100_000)}</a>`, /^CDA_TOO_MANY_ELEMENTS/],
    [
      'an entity bomb',
      () => {
        const levels = Array.from({ length: 9 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`);
        return `<!DOCTYPE a [<!ENTITY e0 "ha">${levels.join('')}]><a>&e9;</a>`;
      },
      /^CDA_DOCTYPE/,
    ],
    [
      'prefixes without end',
      () => {
        const open = Array.from({ length: 250 }, (_, n) => `<a xmlns:p${n}="urn:x${n}">`).join('');
        return `${open}${'<b xmlns="urn:y"/>'.repeat(200_000)}${'</a>'.repeat(250)}`;
      },
      /^nothing/,
    ],
  ];
  test.each(hostile)('%s end in bounded time', (_name, make, message) => {
    const text = make();
    const startMs = performance.now();
    expect(refusal(text)).toMatch(message);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  test('more bytes than are read are refused before they are decoded', () => {
    expect(refusal(Buffer.alloc(documentLimits.size + 1, 0x20))).toMatch(/^CDA_TOO_LARGE/);
  });
});

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9._-]{0,8}$/).filter((one) => !/^xml/i.test(one));
const value = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((one) => !/[\0-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]/.test(one));
const escaped = (text: string): string =>
  text.replaceAll(/[&<>"\r\n\t]/g, (one) => `&#${one.charCodeAt(0)};`);

const { element } = fc.letrec<{ element: Plain; node: Plain | string }>((tie) => ({
  element: fc
    .tuple(name, fc.dictionary(name, value, { maxKeys: 3 }), fc.array(tie('node'), { maxLength: 4 }))
    .map(([tag, attributes, inside]): Plain => [tag, { ...attributes }, ...merged(inside)]),
  node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, value, tie('element')),
}));

/** Two texts side by side are one; of blanks alone nothing is kept. */
function merged(nodes: readonly (Plain | string)[]): (Plain | string)[] {
  const out: (Plain | string)[] = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (typeof node === 'string' && typeof last === 'string') out[out.length - 1] = last + node;
    else out.push(node);
  }
  return out.filter((node) => typeof node !== 'string' || /[^\0- ]/.test(escaped(node)));
}

function written([tag, attributes, ...inside]: Plain): string {
  const pairs = Object.entries(attributes).map(([key, text]) => ` ${key}="${escaped(text)}"`);
  return `<${tag}${pairs.join('')}>${inside.map((one) => (typeof one === 'string' ? escaped(one) : written(one))).join('')}</${tag}>`;
}

describe('any document', () => {
  test('comes out as it was put together', () => {
    fc.assert(
      fc.property(element, (one) => {
        expect(tree(written(one))).toEqual(one);
      }),
      { seed: 20_261, numRuns: 300 },
    );
  });

  test('that was damaged is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(
        element,
        fc.nat(),
        fc.constantFrom('<', '>', '&', '"', '/', '', ']]>', '<!--', '\u0000'),
        (one, at, by) => {
          const text = written(one);
          const place = at % (text.length + 1);
          const damaged = text.slice(0, place) + by + text.slice(place + 1);
          expect(refusal(damaged)).toMatch(/^nothing$|^CDA_/);
        },
      ),
      { seed: 20_262, numRuns: 500 },
    );
  });

  test('of any bytes is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refusal(Buffer.from(bytes))).toMatch(/^nothing$|^CDA_/);
      }),
      { seed: 20_263, numRuns: 500 },
    );
  });
});

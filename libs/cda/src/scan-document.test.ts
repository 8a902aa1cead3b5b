import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readDocument } from './parse-document.js';
import { scanDocument } from './scan-document.js';
import type { XmlElement } from './xml-element.js';

/** All that is in an element and where it stands. */
function told(element: XmlElement): unknown[] {
  const parts: unknown[] = [element.name, element.start, element.end, element.index];
  for (let one = element.firstAttribute; one; one = one.next) parts.push([one.name, one.start, one.end]);
  for (let one = element.first; one; one = one.next)
    parts.push(one.kind === 'text' ? [one.start, one.end] : told(one));
  return parts;
}

const rootOf = (elements: readonly XmlElement[] | undefined) => elements?.[0] && told(elements[0]);

const blank = fc.constantFrom(' ', '\n', '\r\n', '\t ', '');
const piece = fc.constantFrom(
  'word',
  'ä\u{1F600}\uFFFD',
  '&amp;&#65;&#x1F600;&quot;',
  ' ]] > ',
  '<!-- - <a> &x; ]]> -->',
  '<![CDATA[ ]] <![CDATA[ & <a> ]]>',
  '<![CDATA[]]>',
  '<?target ? > &x;?>',
  '',
);
const attribute = fc.constantFrom(
  ` a="1"`,
  `\n b = '"2>'`,
  ` xsi:type\t="x:CD"`,
  ` c="&lt;]]>"`,
  ` xmlns="urn:hl7-org:v3"`,
  ` xmlns:p="urn:a&amp;b"`,
);
const tag = fc.constantFrom('section', 'text', 'p:a', '_b.-1', 'id');
const { element } = fc.letrec<{ element: string; inside: string }>((tie) => ({
  element: fc
    .tuple(tag, fc.uniqueArray(attribute, { maxLength: 4 }), blank, fc.array(tie('inside'), { maxLength: 4 }))
    .map(([name, attributes, space, inside]) => {
      const open = `<${name}${attributes.join('')}${space}`;
      return inside.length === 0 ? `${open}/>` : `${open}>${inside.join('')}</${name}${space}>`;
    }),
  inside: fc.oneof({ depthSize: 'small' }, piece, blank, tie('element')),
}));
const prolog = fc.constantFrom(
  '',
  '<?xml version="1.0"?>\n',
  `<?xml version='1.0' encoding="utf-8" standalone='yes' ?>`,
  '<!-- c --> <?p?>\n',
);
const document = fc.tuple(prolog, element, blank).map((parts) => parts.join(''));
const damage = fc.constantFrom(
  ...['<', '>', '&', '"', "'", '/', '', ' ', '=', ']]>', '--', '?>', '<!--', '<![CDATA[', '</', '<?xml '],
  ...[
    '\0',
    '\u000B',
    '\uFFFE',
    '\uFEFF',
    '&#0;',
    '&#xD800;',
    '&#1114112;',
    '&#X41;',
    '<é/>',
    '1',
    ':',
    'xmlns',
  ],
);

describe('plain documents', () => {
  test('are the same trees as saxes reads', () => {
    fc.assert(
      fc.property(document, (text) => {
        const scanned = rootOf(scanDocument(text));
        expect(scanned).toBeDefined();
        expect(scanned).toEqual(rootOf(readDocument(text)));
      }),
      { seed: 20_264, numRuns: 1_000 },
    );
  });

  test('never pass where saxes refuses them', () => {
    fc.assert(
      fc.property(document, fc.nat(), damage, fc.nat(3), (text, at, by, over) => {
        // No decoder leaves half a character.
        const characters = [...text];
        characters.splice(at % (characters.length + 1), over, by);
        const damaged = characters.join('');
        const scanned = rootOf(scanDocument(damaged));
        if (scanned) expect(scanned).toEqual(rootOf(readDocument(damaged)));
      }),
      { seed: 20_265, numRuns: 4_000 },
    );
  });

  test.each([
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    '<a b="1"c="2"/>',
    '<a>]]></a>',
    '<a>&nbsp;</a>',
    '<a>&#0;</a>',
    '<a>\uFFFF</a>',
    '<a><b></a></b>',
    '<ab></a>',
    '<a></ab>',
    '<a/><b/>',
    '<a/>x',
    'x<a/>',
    '<!-- a -- b --><a/>',
    '<!DOCTYPE a><a/>',
    '<a><?xml version="1.0"?></a>',
    '<?xml version="1.1"?><a/>',
    '<a>',
    '<a',
    '<a b="',
    '<!--',
    '',
  ])('are not: %j', (text) => {
    expect(scanDocument(text)).toBeUndefined();
  });
});

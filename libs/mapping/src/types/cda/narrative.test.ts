import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDocument } from '#cda';
import type { FhirObject } from '#fhir';
import { Run } from '../../run/run.js';
import { narrativeConvert } from './narrative.js';

const convert = narrativeConvert();

/** The narrative of the text of a section; undefined when there is none. */
function narrativeOf(inside: string): FhirObject | undefined {
  const document = parseDocument(Buffer.from(`<section><text>${inside}</text></section>`));
  const run = new Run();
  run.beginDocument(document, 't', {}, 0);
  const text = document.root.child('text');
  return text && (convert(run, text.start, text.end) as FhirObject | undefined);
}

const divOf = (inside: string): string => {
  const div = narrativeOf(inside)?.['div'];
  return typeof div === 'string'
    ? div.replace(/^<div xmlns="http:\/\/www.w3.org\/1999\/xhtml">|<\/div>$/g, '')
    : '';
};

describe('the narrative of a section', () => {
  test.each([
    [
      '<paragraph ID="p1">a <content styleCode="Bold Italics">b</content></paragraph>',
      '<p id="p1">a <span class="Bold Italics">b</span></p>',
    ],
    [
      '<list listType="ordered"><caption>c</caption><item>a</item><item>b</item></list>',
      '<p class="caption">c</p><ol><li>a</li><li>b</li></ol>',
    ],
    ['<list><item><caption>c</caption>a</item></list>', '<ul><li><span class="caption">c</span>a</li></ul>'],
    ['a<br/>b<sub>2</sub><sup>3</sup>', 'a<br/>b<sub>2</sub><sup>3</sup>'],
    [
      '<table border="1"><caption>t</caption><thead><tr><th colspan="2">h</th></tr></thead><tbody><tr ID="r"><td>a</td><td>b</td></tr></tbody></table>',
      '<table border="1"><caption>t</caption><thead><tr><th colspan="2">h</th></tr></thead><tbody><tr id="r"><td>a</td><td>b</td></tr></tbody></table>',
    ],
    [
      '<linkHtml href="https://example.org/?a=1&amp;b=2">x</linkHtml>',
      '<a href="https://example.org/?a=1&amp;b=2">x</a>',
    ],
    [
      '<linkHtml href="#r">x</linkHtml><renderMultiMedia referencedObject="MM1"/>',
      '<a href="#r">x</a><a href="#MM1">MM1</a>',
    ],
    [
      'a<footnote ID="f">n</footnote><footnoteRef IDREF="f"/>',
      'a<span class="footnote" id="f">n</span><a href="#f">*</a>',
    ],
    ['1 &lt; 2 &amp; <![CDATA[<b>3</b>]]>', '1 &lt; 2 &amp; &lt;b&gt;3&lt;/b&gt;'],
    ['<unknown>kept</unknown>', 'kept'],
  ])('%s', (source, wanted) => {
    expect(divOf(source)).toBe(wanted);
  });

  test.each([
    ['<script>alert(1)</script>a', 'a'],
    ['<style>p {}</style>a', 'a'],
    ['<paragraph onclick="x()" style="color:red">a</paragraph>', '<p>a</p>'],
    ['<linkHtml href="javascript:alert(1)">a</linkHtml>', 'a'],
    ['<linkHtml href="&#10;java&#9;script:alert(1)">a</linkHtml>', 'a'],
    ['<linkHtml href="javascript&#58;alert(1)">a</linkHtml>', 'a'],
    ['<linkHtml href="java&#115;cript&#x3A;alert(1)">a</linkHtml>', 'a'],
    ['<x:script xmlns:x="http://www.w3.org/1999/xhtml">a</x:script>b', 'b'],
  ])('%s does no harm', (source, wanted) => {
    expect(divOf(source)).toBe(wanted);
  });

  test('of blanks alone is none', () => {
    expect(narrativeOf(' <paragraph> </paragraph> ')).toBeUndefined();
  });

  test('of anything is well-formed, has every word once and in order, and nothing that runs', () => {
    const tag = fc.constantFrom(
      'content',
      'paragraph',
      'list',
      'item',
      'table',
      'tr',
      'td',
      'caption',
      'linkHtml',
      'br',
      'sub',
      'odd',
      'b',
    );
    const attribute = fc.constantFrom(
      '',
      ' ID="i"',
      ' styleCode="Bold"',
      ' onload="x()"',
      ' href="javascript:x"',
      ' listType="ordered"',
      ' class="c"',
    );
    const word = fc.integer({ min: 100, max: 999 }).map(String);
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        word.map((text) => ` ${text} `),
        fc
          .tuple(tag, attribute, fc.array(tie('node'), { maxLength: 4 }))
          .map(([name, also, inside]) => `<${name}${also}>${inside.join('')}</${name}>`),
      ),
    }));
    fc.assert(
      fc.property(fc.array(node, { maxLength: 5 }), (nodes) => {
        const source = nodes.join('');
        const document = parseDocument(Buffer.from(`<text>${source}</text>`));
        const words = document.textOf(document.root).match(/\d{3}/g) ?? [];
        const div = narrativeOf(source)?.['div'];
        if (typeof div !== 'string') {
          expect(words).toEqual([]);
          return;
        }
        const made = parseDocument(Buffer.from(div));
        // What heads a list goes before it.
        expect((made.textOf(made.root).match(/\d{3}/g) ?? []).sort()).toEqual(words.sort());
        expect(div).not.toMatch(/script|onload|style=/);
      }),
      { seed: 20_264, numRuns: 500 },
    );
  });
});

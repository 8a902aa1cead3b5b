import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  childrenOf,
  choiceName,
  Decimal,
  elementType,
  type FhirObject,
  type FhirValue,
  readJson,
  resourceTypes,
  typeKind,
  writeJson,
} from '#fhir';
import { EngineError } from '#kernel';
import { fromXml, toXml } from './index.js';

const ns = 'xmlns="http://hl7.org/fhir"';
const div = (inside: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`;

function refusal(text: string): string {
  try {
    fromXml(text);
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'rejected') return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

/** Trees with members in one order, so that only content is compared. */
function sorted(value: FhirValue): FhirValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || value instanceof Decimal) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] ?? null)]));
}

/** A resource of any type, drawn from the tables: structure is right, content is whatever a string may hold. */
class Draw {
  constructor(readonly random: (below: number) => number) {}

  resource(depth: number): FhirObject {
    const type = resourceTypes[this.random(resourceTypes.length)] ?? 'Patient';
    return { resourceType: type, ...this.#object(type, depth) };
  }

  #object(path: string, depth: number): FhirObject {
    const out: FhirObject = {};
    const names = childrenOf(path);
    const wanted = depth > 4 ? 1 : 4;
    for (let i = 0; i < wanted; i++) this.#member(out, path, names[this.random(names.length)] ?? 'id', depth);
    return out;
  }

  #member(out: FhirObject, path: string, child: string, depth: number): void {
    const element = elementType(path, child);
    if (!element.known) throw new Error(child);
    const type = element.types[this.random(element.types.length)] ?? '';
    const name = element.choice ? choiceName(child, type) : child;
    if (Object.keys(out).some((known) => known.startsWith(child.replace('[x]', '')) || known === `_${name}`))
      return;
    if (typeKind(type) !== 'primitive') {
      const one = (): FhirObject =>
        type === 'Resource' || type === 'BackboneElement' || element.backbone || depth < 7
          ? this.#complex(type, element.content ?? type, depth + 1)
          : {};
      if (depth < 7) out[name] = element.max > 1 ? [one(), one()] : one();
      return;
    }
    const attribute = (child === 'id' && type === 'string') || (child === 'url' && path === 'Extension');
    const extras = !attribute && type !== 'xhtml' && depth < 6 && this.random(3) === 0;
    if (element.max > 1) {
      out[name] = extras ? [null, this.#primitive(type)] : [this.#primitive(type), this.#primitive(type)];
      if (extras) out[`_${name}`] = [{ id: 'one' }, null];
    } else {
      out[name] = this.#primitive(type);
      if (extras) out[`_${name}`] = { extension: [{ url: 'urn:x', valueString: this.#text() }] };
    }
  }

  #complex(type: string, content: string, depth: number): FhirObject {
    return type === 'Resource' ? this.resource(depth) : this.#object(content, depth);
  }

  #text(): string {
    const pool = [
      'é',
      '"',
      '<',
      '>',
      '&',
      "'",
      '\n',
      '\t',
      '\r',
      ' ',
      '😀',
      'a',
      ']]>',
      '&#10;',
      '\u00a0',
      '  ',
    ];
    return Array.from({ length: 1 + this.random(5) }, () => pool[this.random(pool.length)]).join('');
  }

  #primitive(type: string): FhirValue {
    const { random } = this;
    switch (type) {
      case 'boolean':
        return random(2) === 0;
      case 'decimal':
        return readJson(
          ['1.50', '0', '-0.0', '1e3', '12345678901234567890.123', '100', '0.10E-5'][random(7)] ?? '0',
        );
      case 'integer':
      case 'positiveInt':
      case 'unsignedInt':
        return random(1000);
      case 'xhtml':
        return div(
          `<p title="${random(9)}">${['a &amp; b', '<br/>\r\n', '&#160;', '<b>x</b> y'][random(4)]}</p>`,
        );
      default:
        return this.#text();
    }
  }
}

describe('FHIR XML', () => {
  test('a resource is written in the order of R4, with decimals as they are', () => {
    const patient = readJson(
      `{"active":true,"resourceType":"Patient","birthDate":"1970-01-01","_birthDate":{"id":"b","extension":[{"url":"urn:e",
      "valueDecimal":1.50}]},"name":[{"given":["A & \\"B\\"",null],"_given":[null,{"id":"x"}],"family":"F"}],"id":"p",
      "text":{"status":"generated","div":${JSON.stringify(div('a&nbsp;<b>b</b>'))}}}`,
    ) as FhirObject;
    expect(toXml(patient)).toBe(
      `<?xml version="1.0" encoding="UTF-8"?><Patient ${ns}><id value="p"/><text><status value="generated"/>` +
        `${div('a&#160;<b>b</b>')}</text><active value="true"/><name><family value="F"/>` +
        '<given value="A &amp; &quot;B&quot;"/><given id="x"/></name><birthDate id="b" value="1970-01-01">' +
        '<extension url="urn:e"><valueDecimal value="1.50"/></extension></birthDate></Patient>',
    );
  });

  test('contained resources, and those of bundles, stand in their own element', () => {
    const bundle: FhirObject = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', contained: [{ resourceType: 'Basic', id: 'b' }] } }],
    };
    expect(toXml(bundle)).toContain(
      '<entry><resource><Patient><contained><Basic><id value="b"/></Basic></contained></Patient></resource></entry>',
    );
    expect(fromXml(toXml(bundle))).toEqual(bundle);
  });

  test('every resource comes back from XML as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => {
        let state = seed;
        const random = (below: number): number => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return Math.floor((state / 2 ** 32) * below);
        };
        const resource = new Draw(random).resource(0);
        const back = fromXml(toXml(resource));
        expect(writeJson(sorted(back))).toBe(writeJson(sorted(resource)));
      }),
      { numRuns: 400, seed: 5 },
    );
  });

  test('what people write otherwise is read: comments, prefixes, a schema location, white space', () => {
    const text = `<?xml version="1.0"?><!-- c --><f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"
      xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x.xsd">
      <f:text><f:status value='generated'/><h:div><h:p class="a">1 &lt; 2<h:br/></h:p></h:div></f:text>
      <f:active value="false"/></f:Patient>`;
    expect(fromXml(text)).toEqual({
      resourceType: 'Patient',
      text: { status: 'generated', div: div('<p class="a">1 &lt; 2<br/></p>') },
      active: false,
    });
  });

  test.each([
    [
      'an unknown element',
      `<Patient ${ns}>\n <nam/></Patient>`,
      /^FHIRXML_UNKNOWN_ELEMENT line 2, column \d+: .*is it name\?/,
    ],
    [
      'an unknown attribute',
      `<Patient ${ns}><active value="true" x="1"/></Patient>`,
      /^FHIRXML_UNKNOWN_ATTRIBUTE line 1/,
    ],
    ['another namespace', '<Patient xmlns="urn:x"/>', /^FHIRXML_NAMESPACE/],
    ['no namespace', '<Patient/>', /^FHIRXML_NAMESPACE/],
    ['no resource', `<Person2 ${ns}/>`, /^FHIRXML_NO_RESOURCE/],
    ['a contained nothing', `<Patient ${ns}><contained/></Patient>`, /^FHIRXML_NO_RESOURCE/],
    [
      'two contained in one',
      `<Patient ${ns}><contained><Basic/><Basic/></contained></Patient>`,
      /^FHIRXML_REPEATED/,
    ],
    ['a document type', `<!DOCTYPE Patient [<!ENTITY a "b">]><Patient ${ns}/>`, /^FHIRXML_DOCTYPE/],
    ['an entity', `<Patient ${ns}><language value="&a;"/></Patient>`, /^FHIRXML_MALFORMED line 1/],
    ['an open element', `<Patient ${ns}>`, /^FHIRXML_MALFORMED/],
    ['nothing', '', /^FHIRXML_MALFORMED/],
    ['text', `<Patient ${ns}>secret</Patient>`, /^FHIRXML_TEXT (?!.*secret)/],
    [
      'a wrong order',
      `<Patient ${ns}><active value="true"/><id value="a"/></Patient>`,
      /^FHIRXML_ORDER .*Patient.id/,
    ],
    ['one twice', `<Patient ${ns}><id value="a"/><id value="a"/></Patient>`, /^FHIRXML_REPEATED/],
    [
      'two of a choice',
      `<Patient ${ns}><deceasedBoolean value="true"/><deceasedDateTime value="2020"/></Patient>`,
      /^FHIRXML_REPEATED/,
    ],
    ['a wrong boolean', `<Patient ${ns}><active value="yes"/></Patient>`, /^FHIRXML_VALUE/],
    ['a wrong number', `<Patient ${ns}><multipleBirthInteger value="0x1"/></Patient>`, /^FHIRXML_VALUE/],
    ['an empty primitive', `<Patient ${ns}><active/></Patient>`, /^FHIRXML_EMPTY/],
    ['a foreign narrative', `<Patient ${ns}><text><div>a</div></text></Patient>`, /^FHIRXML_NAMESPACE/],
    ['a prototype trick', `<Patient ${ns}><__proto__ value="1"/></Patient>`, /^FHIRXML_UNKNOWN_ELEMENT/],
  ])('%s is refused with line and column', (_, text, wanted) => {
    expect(refusal(text)).toMatch(wanted);
    expect(refusal(text)).toMatch(/ line \d+, column \d+: /);
  });

  test('elements deeper than 64 are refused, in resources and in narratives', () => {
    const part = (n: number): string => `${'<part>'.repeat(n)}${'</part>'.repeat(n)}`;
    const deep = (n: number): string => `<Parameters ${ns}><parameter>${part(n)}</parameter></Parameters>`;
    expect(refusal(deep(62))).toBe('accepted');
    expect(refusal(deep(63))).toMatch(/^FHIRXML_TOO_DEEP/);
    const narrative = `${'<b>'.repeat(64)}${'</b>'.repeat(64)}`;
    expect(refusal(`<Patient ${ns}><text>${div(narrative)}</text></Patient>`)).toMatch(/^FHIRXML_TOO_DEEP/);
  });

  test.each([
    [{ resourceType: 'Patient', nam: 1 }, 'FHIRXML_UNKNOWN_MEMBER'],
    [{ resourceType: 'Nothing' }, 'FHIRXML_NO_RESOURCE'],
    [{ resourceType: 'Patient', name: {} }, 'FHIRXML_VALUE'],
    [{ resourceType: 'Patient', birthDate: ['a'] }, 'FHIRXML_VALUE'],
    [{ resourceType: 'Patient', birthDate: { a: 1 } }, 'FHIRXML_VALUE'],
    [{ resourceType: 'Patient', language: '\u0001' }, 'FHIRXML_CHARACTER'],
    [{ resourceType: 'Patient', language: '\ud800' }, 'FHIRXML_CHARACTER'],
    [{ resourceType: 'Patient', text: { div: '<div>a</div>' } }, 'FHIRXML_NARRATIVE'],
    [{ resourceType: 'Patient', text: { div: `${div('a')}<x/>` } }, 'FHIRXML_NARRATIVE'],
  ])('%j is not written', (resource, code) => {
    expect(() => toXml(resource as FhirObject)).toThrow(expect.objectContaining({ kind: 'rejected', code }));
  });

  test('reading never fails otherwise than by refusing', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      'Patient',
      ` ${ns}`,
      '<id value="a"/>',
      '&',
      '"',
      '<text>',
      div('x'),
      ' ',
      '-->',
      '<!--',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(refusal(`<Patient ${ns}>${pieces.join('')}</Patient>`)).toMatch(/^(accepted|FHIRXML_)/);
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

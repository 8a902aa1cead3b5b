import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseDocument } from '#cda';
import { writeJson } from '#fhir';
import { MappingLibrary } from '../../load-mappings.js';
import { Run } from '../../run/run.js';
import { SystemNames } from '../code-systems.js';
import { Vocabulary } from '../vocabulary.js';
import { elementConversion } from './element-conversion.js';

const library = new MappingLibrary(fileURLToPath(new URL('../../../../../mappings', import.meta.url)));
const tables = new Map(library.tables().map((table) => [table.name, table]));
const systems = new Map([...(tables.get('code-systems')?.rows ?? [])].map(([name, row]) => [name, row.to]));
const vocabulary = new Vocabulary(new SystemNames(systems), tables);

function converted(xml: string, target: string, table?: string): unknown {
  const text = `<section><text><td ID="r1">Words of the <content>narrative</content></td></text><entry>${xml}</entry></section>`;
  const document = parseDocument(Buffer.from(text));
  const element = document.root.child('entry')?.first;
  const convert = elementConversion(target, {
    vocabulary,
    level: 1,
    hl7Table: 0,
    table: table === undefined ? undefined : tables.get(table),
    use: '',
    identifierType: '',
    simpleQuantity: false,
    system: '',
    withoutDegree: false,
  });
  if (!convert || element?.kind !== 'element') throw new Error('there is nothing to convert');
  const run = new Run();
  run.beginDocument(document, 't', {}, 0);
  const value = convert(run, element.start, element.end);
  return value === undefined
    ? undefined
    : (JSON.parse(writeJson({ value } as never)) as { value: unknown }).value;
}

const snomed = 'codeSystem="2.16.840.1.113883.6.96"';

describe('data types of CDA', () => {
  test.each<[string, string, unknown]>([
    // CD: guide, CDA coding to FHIR CodeableConcept
    [
      `<value code="1" ${snomed} displayName="one"><originalText><reference value="#r1"/></originalText><translation code="A1" codeSystem="2.16.840.1.113883.6.90" displayName="a"/></value>`,
      'CodeableConcept',
      {
        coding: [
          { system: 'http://snomed.info/sct', code: '1', display: 'one' },
          { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'A1', display: 'a' },
        ],
        text: 'Words of the narrative',
      },
    ],
    [
      `<value nullFlavor="OTH"><originalText>said</originalText></value>`,
      'CodeableConcept',
      { text: 'said' },
    ],
    [
      `<value nullFlavor="UNK"><translation code="9" codeSystem="1.2.3.4"/></value>`,
      'CodeableConcept',
      { coding: [{ system: 'urn:oid:1.2.3.4', code: '9' }] },
    ],
    [`<value>words</value>`, 'CodeableConcept', { text: 'words' }],
    [`<value code="x" ${snomed}/>`, 'Coding', { system: 'http://snomed.info/sct', code: 'x' }],
    // II: guide, CDA id to FHIR identifier
    [
      `<id root="2.16.840.1.113883.4.1" extension="123-45-6789"/>`,
      'Identifier',
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: '123-45-6789' },
    ],
    [
      `<id root="2.16.840.1.113883.4.500" extension="12345V7890"/>`,
      'Identifier',
      { system: 'urn:oid:2.16.840.1.113883.4.500', value: '12345V7890' },
    ],
    [
      `<id root="2.16.840.1.123.4.50.123456789"/>`,
      'Identifier',
      { system: 'urn:ietf:rfc:3986', value: 'urn:oid:2.16.840.1.123.4.50.123456789' },
    ],
    [
      `<id root="67265ED2-35BB-43F8-B9DE-91C5935625E0"/>`,
      'Identifier',
      { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:67265ed2-35bb-43f8-b9de-91c5935625e0' },
    ],
    [
      `<id root="67265ED2-35BB-43F8-B9DE-91C5935625E0" extension="abcd"/>`,
      'Identifier',
      { system: 'urn:uuid:67265ed2-35bb-43f8-b9de-91c5935625e0', value: 'abcd' },
    ],
    [`<id extension="Z1124"/>`, 'Identifier', { value: 'Z1124' }],
    [
      `<id root="2.16.840.1.113883.4.873" extension="http://myorg.com/patient/1234"/>`,
      'Identifier',
      { system: 'http://myorg.com/patient', value: '1234' },
    ],
    [
      `<id root="2.16.840.1.113883.4.873" extension="urn:myNID:myOrg:Z3321"/>`,
      'Identifier',
      { system: 'urn:myNID:myOrg', value: 'Z3321' },
    ],
    [`<id nullFlavor="NI"/>`, 'Identifier', undefined],
    // TS, IVL_TS: guide, time and dates
    [`<effectiveTime value="2023"/>`, 'dateTime', '2023'],
    [`<effectiveTime value="202305"/>`, 'dateTime', '2023-05'],
    [`<effectiveTime value="20230531"/>`, 'dateTime', '2023-05-31'],
    [`<effectiveTime value="202305312205-0500"/>`, 'dateTime', '2023-05-31T22:05:00-05:00'],
    [`<effectiveTime value="2023-05-31T22:05:00-05:00"/>`, 'dateTime', '2023-05-31T22:05:00-05:00'],
    [`<effectiveTime><low value="20230531"/></effectiveTime>`, 'dateTime', '2023-05-31'],
    [
      `<effectiveTime><low value="20230531"/><high value="20230601"/></effectiveTime>`,
      'Period',
      { start: '2023-05-31', end: '2023-06-01' },
    ],
    [`<effectiveTime><low nullFlavor="UNK"/><high value="2024"/></effectiveTime>`, 'Period', { end: '2024' }],
    [`<effectiveTime value="20230531"/>`, 'Period', { start: '2023-05-31', end: '2023-05-31' }],
    [`<birthTime value="197501011230"/>`, 'date', '1975-01-01'],
    [`<effectiveTime value="20230231"/>`, 'dateTime', undefined],
    // PIVL_TS, EIVL_TS
    [
      `<effectiveTime><period value="6" unit="h"/></effectiveTime>`,
      'Timing',
      { repeat: { frequency: 1, period: 6, periodUnit: 'h' } },
    ],
    [
      `<effectiveTime><period><low value="4" unit="h"/><high value="6" unit="h"/></period></effectiveTime>`,
      'Timing',
      { repeat: { frequency: 1, period: 4, periodMax: 6, periodUnit: 'h' } },
    ],
    [
      `<effectiveTime><event code="ACM"/><offset><low value="30" unit="min"/></offset></effectiveTime>`,
      'Timing',
      { repeat: { when: ['ACM'], offset: 30 } },
    ],
    [`<effectiveTime value="20230531"/>`, 'Timing', { event: ['2023-05-31'] }],
    // PQ, IVL_PQ: guide, CDA quantity
    [
      `<value value="1.50" unit="mg/dL"/>`,
      'Quantity',
      { value: 1.5, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
    ],
    [`<value value="3" unit="1"/>`, 'Quantity', { value: 3 }],
    [
      `<value nullFlavor="OTH"><translation value="30" code="EA" codeSystem="2.16.840.1.113883.2.13"/></value>`,
      'Quantity',
      { value: 30, unit: 'EA', system: 'urn:oid:2.16.840.1.113883.2.13', code: 'EA' },
    ],
    [
      `<value><high value="200" unit="mg/dL"/></value>`,
      'Quantity',
      { value: 200, comparator: '<=', unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
    ],
    [
      `<value><low value="500" unit="g" inclusive="false"/><high nullFlavor="PINF"/></value>`,
      'Quantity',
      { value: 500, comparator: '>', unit: 'g', system: 'http://unitsofmeasure.org', code: 'g' },
    ],
    [`<value><low value="1"/><high value="2"/></value>`, 'Range', { low: { value: 1 }, high: { value: 2 } }],
    [
      `<value><numerator value="1"/><denominator value="128"/></value>`,
      'Ratio',
      { numerator: { value: 1 }, denominator: { value: 128 } },
    ],
    [`<value><numerator value="1"/></value>`, 'Ratio', undefined],
    [
      `<pharm:quantity><pharm:numerator value="1"/><pharm:denominator value="2"/></pharm:quantity>`,
      'Ratio',
      { numerator: { value: 1 }, denominator: { value: 2 } },
    ],
    [`<value value="12.5" currency="USD"/>`, 'Money', { value: 12.5, currency: 'USD' }],
    [`<value value="much" unit="g"/>`, 'Quantity', undefined],
    // EN, AD, TEL: guide, name, address, telecom
    [
      `<name use="L"><prefix>Dr.</prefix><given>Ada</given><given>N.</given><family>Okafor</family><suffix>MD</suffix><validTime><low value="2001"/></validTime></name>`,
      'HumanName',
      {
        use: 'usual',
        family: 'Okafor',
        given: ['Ada', 'N.'],
        prefix: ['Dr.'],
        suffix: ['MD'],
        period: { start: '2001' },
      },
    ],
    [`<name>Ada Okafor</name>`, 'HumanName', { text: 'Ada Okafor' }],
    [
      `<addr use="HP PST"><streetAddressLine>1 A St</streetAddressLine><city>B</city><county>C</county><state>D</state><postalCode>E</postalCode><country>F</country></addr>`,
      'Address',
      {
        use: 'home',
        type: 'postal',
        line: ['1 A St'],
        city: 'B',
        district: 'C',
        state: 'D',
        postalCode: 'E',
        country: 'F',
      },
    ],
    [
      `<addr><houseNumber>7</houseNumber><streetName>Main</streetName><city>B</city></addr>`,
      'Address',
      { line: ['7 Main'], city: 'B' },
    ],
    [`<addr>somewhere</addr>`, 'Address', { text: 'somewhere' }],
    [
      `<telecom value="tel:+1(555)010" use="MC"/>`,
      'ContactPoint',
      { system: 'phone', value: '+1(555)010', use: 'mobile' },
    ],
    [`<telecom value="mailto:a@b.org"/>`, 'ContactPoint', { system: 'email', value: 'a@b.org' }],
    [`<telecom value="https://x.org"/>`, 'ContactPoint', { system: 'url', value: 'https://x.org' }],
    [
      `<telecom value="555-0100" use="WP"/>`,
      'ContactPoint',
      { system: 'phone', value: '555-0100', use: 'work' },
    ],
    [`<telecom value="tel:"/>`, 'ContactPoint', undefined],
    // ED, ST, BL, INT
    [
      `<text mediaType="application/pdf" representation="B64">JVBE\n Rg==</text>`,
      'Attachment',
      { contentType: 'application/pdf', data: 'JVBERg==' },
    ],
    [`<text>plain</text>`, 'Attachment', { contentType: 'text/plain', data: 'cGxhaW4=' }],
    [
      `<text mediaType="application/pdf"><reference value="doc.pdf"/></text>`,
      'Attachment',
      { contentType: 'application/pdf', url: 'doc.pdf' },
    ],
    [`<text><reference value="#r1"/></text>`, 'string', 'Words of the narrative'],
    [`<text><reference value="#nowhere"/></text>`, 'string', undefined],
    [`<text>a<br/>b</text>`, 'Annotation', { text: 'a b' }],
    [`<value value="true"/>`, 'boolean', true],
    [`<value value="7"/>`, 'positiveInt', 7],
    [`<value value="0"/>`, 'positiveInt', undefined],
    [`<value value="1.20"/>`, 'decimal', 1.2],
    [`<value code="c" displayName="shown"/>`, 'string', 'shown'],
    [`<value value="3" unit="kg"/>`, 'string', '3 kg'],
    [`<id root="1.2.3"/>`, 'uri', 'urn:oid:1.2.3'],
  ])('%s to %s', (xml, target, wanted) => {
    expect(converted(xml, target)).toEqual(wanted);
  });

  test('a table takes the first code that has a row, and puts the standard code first', () => {
    const xml = `<value code="ZZ" codeSystem="1.2.3"><translation code="55561003" ${snomed}/></value>`;
    expect(converted(xml, 'Coding', 'cda-allergy-status')).toMatchObject({ code: 'active' });
    const concept = converted(xml, 'CodeableConcept', 'cda-allergy-status') as { coding: { code: string }[] };
    expect(concept.coding.map(({ code }) => code)).toEqual(['active', 'ZZ', '55561003']);
    expect(converted('<value code="414285001"/>', 'code', 'cda-allergy-category')).toBe('food');
    expect(converted('<value code="414285002"/>', 'code', 'cda-allergy-category')).toBeUndefined();
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkResource } from './check-resource.js';
import { Decimal } from './decimal.js';
import { definitions, type ElementRow, type TypeNode } from './definitions.js';
import { choiceName } from './element-type.js';
import { resourceTypes } from './resource-types.js';
import type { FhirObject, FhirValue } from './write-json.js';

const found = (resource: unknown): string[] =>
  checkResource(resource).map(({ path, kind }) => `${kind} ${path}`);

const observation = (changes: object = {}): object => ({
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
  subject: { reference: 'Patient/p1' },
  effectiveDateTime: '2024-02-29T08:15:00+01:00',
  valueQuantity: {
    value: Decimal.of('6.80'),
    unit: 'mmol/L',
    system: 'http://unitsofmeasure.org',
    code: 'mmol/L',
  },
  referenceRange: [{ low: { value: 3.5 }, high: { value: 5.1 } }],
  ...changes,
});

describe('checking a resource', () => {
  test('a good one has no issues', () => {
    expect(checkResource(observation())).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['an unknown element', { colour: 'red' }, 'unknown Observation.colour'],
    ['a missing required element', { status: undefined }, 'required Observation.status'],
    ['an array where one belongs', { status: ['final'] }, 'cardinality Observation.status'],
    ['one where an array belongs', { identifier: { value: '1' } }, 'cardinality Observation.identifier'],
    ['two types of a choice', { valueString: 'high' }, 'choice Observation.valueString'],
    ['a type the choice does not have', { valueAddress: { city: 'X' } }, 'unknown Observation.valueAddress'],
    ['a malformed time', { issued: '2024-03-01T08:15' }, 'format Observation.issued'],
    [
      'a day that does not exist',
      { effectiveDateTime: '2023-02-29' },
      'format Observation.effectiveDateTime',
    ],
    ['a code outside its binding', { status: 'done' }, 'code Observation.status'],
    [
      'a reference to a type not allowed',
      { subject: { reference: 'Encounter/1' } },
      'target Observation.subject.reference',
    ],
    [
      'a malformed reference',
      { subject: { reference: 'Patient 7' } },
      'target Observation.subject.reference',
    ],
    ['a reference to nothing contained', { subject: { reference: '#x' } }, 'target Observation'],
    ['an empty array', { note: [] }, 'empty Observation.note'],
    ['an empty object', { code: {} }, 'empty Observation.code'],
    ['an empty string', { code: { text: '' } }, 'empty Observation.code.text'],
    ['a null in an array', { category: [null] }, 'type Observation.category[0]'],
    ['a string where an object belongs', { code: 'K' }, 'type Observation.code'],
    ['a bad id', { id: 'a b' }, 'format Observation.id'],
    ['a control character', { code: { text: 'a\u0001' } }, 'format Observation.code.text'],
    ['a number as text', { valueQuantity: { value: '6.8' } }, 'format Observation.valueQuantity.value'],
    [
      'a comparator in a SimpleQuantity',
      { referenceRange: [{ low: { value: 1, comparator: '<' } }] },
      'rule Observation.referenceRange[0].low.comparator',
    ],
    [
      'a reference range of nothing',
      { referenceRange: [{ type: { text: 'normal' } }] },
      'rule Observation.referenceRange[0]',
    ],
    [
      'a unit code without system',
      { valueQuantity: { value: 1, code: 'mg' } },
      'rule Observation.valueQuantity',
    ],
    ['an absent reason beside a value', { dataAbsentReason: { text: 'x' } }, 'rule Observation'],
    [
      'a period that ends before it starts',
      { effectiveDateTime: undefined, effectivePeriod: { start: '2024-02', end: '2024-01' } },
      'rule Observation.effectivePeriod',
    ],
    [
      'a contained resource nobody refers to',
      { contained: [{ resourceType: 'Patient', id: 'c' }] },
      'rule Observation.contained',
    ],
    [
      'an extension without url',
      { extension: [{ valueString: 'x' }] },
      'required Observation.extension[0].url',
    ],
    [
      'an extension of nothing',
      { extension: [{ url: 'http://x.example' }] },
      'rule Observation.extension[0]',
    ],
  ])('%s is found', (_name, changes, expected) => {
    expect(found(observation(changes))).toEqual([expected]);
  });

  test('primitives may have extensions in place of a value', () => {
    const absent = {
      extension: [
        { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' },
      ],
    };
    expect(found(observation({ status: undefined, _status: absent }))).toEqual([]);
    expect(
      found({ resourceType: 'Patient', name: [{ given: ['Ada', null], _given: [null, absent] }] }),
    ).toEqual([]);
    expect(
      found({ resourceType: 'Patient', name: [{ given: ['Ada', null], _given: [null, null] }] }),
    ).not.toEqual([]);
    expect(found({ resourceType: 'Patient', name: [{ given: ['Ada'], _given: [null, absent] }] })).toContain(
      'cardinality Patient.name[0].given',
    );
    expect(found(observation({ valueQuantity: undefined, valueString: 'x', _valueString: absent }))).toEqual(
      [],
    );
  });

  test('required bindings hold for codings too', () => {
    const system = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
    const condition = (code: object): object => ({
      resourceType: 'Condition',
      subject: { reference: 'Patient/p' },
      clinicalStatus: code,
    });
    expect(found(condition({ coding: [{ system, code: 'active' }] }))).toEqual([]);
    expect(found(condition({ coding: [{ system, code: 'broken' }] }))).toEqual([
      'code Condition.clinicalStatus',
    ]);
    expect(found(condition({ text: 'active' }))).toEqual(['code Condition.clinicalStatus']);
  });

  test('resources inside resources are checked in place', () => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: observation({ status: 'x' }) }],
    };
    expect(found(bundle)).toEqual(['code Bundle.entry[0].resource.status']);
    const contained = { contained: [{ resourceType: 'Patient', id: 'c' }], subject: { reference: '#c' } };
    expect(found(observation(contained))).toEqual([]);
  });

  test('a narrative is one well-formed div of harmless elements', () => {
    const text = (div: string): string[] => found(observation({ text: { status: 'generated', div } }));
    const xmlns = 'xmlns="http://www.w3.org/1999/xhtml"';
    for (const div of [
      `<div ${xmlns}><p>K <b>6.8</b> &lt; 7<br/></p></div>`,
      `<div ${xmlns}><!-- K --><a href="https://example.org/?a=1&amp;b=2:3" title="t">K</a><a href="#x:y">L</a></div>`,
      `<div ${xmlns}><img src="data:image/png;base64,AAAA" alt="a"/><p style="color: red; background: url(a.png)">K</p></div>`,
    ])
      expect(text(div)).toEqual([]);
    for (const div of [
      'K 6.8',
      '<div>K</div>',
      `<div ${xmlns}></div>`,
      `<div ${xmlns}><p>K</div>`,
      `<div ${xmlns}>K</div><div>L</div>`,
      `<div ${xmlns}><script>K</script></div>`,
      `<div ${xmlns}><p onclick="x()">K</p></div>`,
      `<div ${xmlns}>K & L</div>`,
      `<div ${xmlns}>K <ins>L</ins></div>`,
      `<div ${xmlns}>K <!-- L -- M --></div>`,
      `<!-- K --><div ${xmlns}>K</div>`,
      `<div ${xmlns}><p title="a" title="b">K</p></div>`,
      `<div ${xmlns}><p data-x="1">K</p></div>`,
      `<div ${xmlns}><a href="javascript:x()">K</a></div>`,
      `<div ${xmlns}><a href=" jav&#x09;ascript&#58;x()">K</a></div>`,
      `<div ${xmlns}><a href="javascript&colon;x()">K</a></div>`,
      `<div ${xmlns}><a href="data:text/html,x">K</a></div>`,
      `<div ${xmlns}><img src="vbscript:x"/></div>`,
      `<div ${xmlns}><p style="background: url(https://example.org/seen.gif)">K</p></div>`,
      `<div ${xmlns}><p style="width: expression(x())">K</p></div>`,
      `<div ${xmlns}><p style="background: u\\72l(x)">K</p></div>`,
    ]) {
      expect(text(div)).toEqual(['format Observation.text.div']);
    }
  });

  test('a value of another shape is told with the shape it should have, and a narrative with what is wrong in it', () => {
    const says = (more: object) => checkResource(observation(more)).map(({ message }) => message);
    expect(says({ effectiveDateTime: '2026-11-23T08:00' })).toEqual([
      'not a dateTime; write 2026, 2026-11, 2026-11-23 or 2026-11-23T08:00:00Z, with a zone',
    ]);
    const xmlns = 'xmlns="http://www.w3.org/1999/xhtml"';
    const faults = [
      [`<div ${xmlns}><script>K</script></div>`, 'the element script is not allowed'],
      [`<div ${xmlns}><p onclick="x()">K</p></div>`, 'the attribute onclick is not allowed'],
      [`<div ${xmlns}>K & L</div>`, `not well-formed XML at character ${`<div ${xmlns}>K `.length + 1}`],
      [`<div ${xmlns}> </div>`, 'there is nothing to see in it'],
      [`<div ${xmlns}><p>K</div>`, 'the end of div closes another element'],
      ['K', 'it is not one div of the namespace http://www.w3.org/1999/xhtml'],
    ] as const;
    for (const [div, fault] of faults)
      expect(says({ text: { status: 'generated', div } })).toEqual([`not a narrative: ${fault}`]);
  });

  test('what is no resource at all is one issue, and nothing throws', () => {
    for (const thing of [null, undefined, 1, 'x', [], {}, { resourceType: 'Bot' }, { resourceType: 7 }]) {
      expect(checkResource(thing)).toHaveLength(1);
    }
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...resourceTypes), (json, resourceType) => {
        expect(checkResource(json).length).toBeGreaterThan(0);
        checkResource({ resourceType, ...(json as object) });
      }),
    );
  });

  test('base64 that would keep a backtracking expression busy is judged at once', () => {
    const started = process.cpuUsage();
    expect(
      found({ resourceType: 'Binary', contentType: 'text/plain', data: `${' '.repeat(200_000)}a` }),
    ).toEqual(['format Binary.data']);
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });
});

// ---- any valid resource, made from the definitions ----
const samples: Readonly<Record<string, FhirValue>> = {
  base64Binary: 'aGVsbG8=',
  boolean: true,
  canonical: 'http://example.org/x|1',
  code: 'abc',
  date: '2024-02-29',
  dateTime: '2024-01',
  decimal: Decimal.of('1.50'),
  id: 'a-1',
  instant: '2024-01-02T03:04:05Z',
  integer: -1,
  markdown: '*x*',
  oid: 'urn:oid:1.2.3',
  positiveInt: 1,
  string: 'text',
  time: '08:00:00',
  unsignedInt: 0,
  uri: 'urn:x:y',
  url: 'http://example.org',
  xhtml: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
  uuid: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
};

/** A value for one type of an element; `pick` decides which optional elements are there. */
function valueOf(row: ElementRow, type: string, pick: () => number, depth: number): FhirValue {
  if (type === 'Resource') return { resourceType: 'Basic', id: 'c', code: { text: 'x' } };
  const [system, codes] = [...(row.binding?.systems ?? [])][0] ?? [];
  const code = codes ? [...codes][0] : undefined;
  if (type === 'code' && code !== undefined) return code;
  const sample = samples[type];
  if (sample !== undefined) return sample;
  const coding: FhirObject = { system: system ?? 'http://example.org', code: code ?? 'x' };
  if (type === 'Reference') return { reference: `${row.targets[0] ?? 'Patient'}/1` };
  if (type === 'Coding') return coding;
  if (type === 'CodeableConcept') return { coding: [coding] };
  const node = definitions().node(row.content ?? type);
  return node ? objectOf(node, pick, depth + 1) : null;
}

function objectOf(node: TypeNode, pick: () => number, depth: number): FhirObject {
  const out: FhirObject = {};
  const rows = [...node.elements.values()].filter(
    (row) => row.name !== 'contained' && row.name !== 'extension' && row.name !== 'modifierExtension',
  );
  const keep = pick() % Math.max(1, rows.length);
  rows.forEach((row, index) => {
    if (row.min === 0 && (depth > 3 || (index !== keep && pick() % 4 > 0))) return;
    const type = row.types[pick() % row.types.length] ?? '';
    const value = valueOf(row, type, pick, row.simpleQuantity ? 9 : depth);
    if (
      value === null ||
      (typeof value === 'object' && !(value instanceof Decimal) && Object.keys(value).length === 0)
    )
      return;
    const plain: FhirValue = row.simpleQuantity && type === 'Quantity' ? { value: 1 } : value;
    out[row.choice ? choiceName(row.name, type) : row.name] = row.max > 1 ? [plain] : plain;
  });
  if (Object.keys(out).length === 0) out['id'] = 'x';
  return out;
}

const anyResource = fc
  .tuple(fc.constantFrom(...resourceTypes), fc.array(fc.nat(1_000), { minLength: 8, maxLength: 60 }))
  .map(([type, seed]) => {
    let at = 0;
    const node = definitions().node(type);
    return {
      resourceType: type,
      ...(node ? objectOf(node, () => seed[at++ % seed.length] ?? 0, 0) : {}),
    } as FhirObject;
  });

/** Invariants and elements that hold nothing but an id are not the generator's care. */
const structural = (resource: unknown): string[] =>
  checkResource(resource)
    .filter(({ kind }) => kind !== 'rule' && kind !== 'empty')
    .map(({ kind, path }) => `${kind} ${path}`);

describe('any resource made from the definitions', () => {
  test('has no structural issue', () => {
    fc.assert(
      fc.property(anyResource, (resource) => expect(structural(resource)).toEqual([])),
      { numRuns: 500 },
    );
  });

  test('has one as soon as a member is damaged', () => {
    fc.assert(
      fc.property(
        anyResource,
        fc.nat(),
        fc.constantFrom('wrap', 'rename', 'retype'),
        (resource, at, damage) => {
          const names = Object.keys(resource).filter((name) => name !== 'resourceType');
          const name = names[at % Math.max(1, names.length)];
          fc.pre(name !== undefined);
          const value = resource[name] ?? null;
          const damaged: FhirObject = { ...resource };
          if (damage === 'wrap') damaged[name] = [[value]];
          else if (damage === 'retype') damaged[name] = { zz: 1 };
          else {
            delete damaged[name];
            damaged[`${name}Zz`] = value;
          }
          expect(structural(damaged)).not.toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

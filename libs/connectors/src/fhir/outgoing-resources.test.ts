import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entryName, inOrderOfReference, outgoingResources, withReferences } from './outgoing-resources.js';

const everything = { identifiers: new Map<string, string>(), without: new Set<string>() };
const bytes = (resource: object) => Buffer.from(JSON.stringify(resource));

/** The same by a walk through the tree: what the text is compared with. */
function walked(value: unknown, rename: (name: string) => string | undefined): unknown {
  if (Array.isArray(value)) return value.map((one) => walked(one, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]): [string, unknown] => {
      const found =
        name === 'reference' && typeof member === 'string'
          ? /^([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64})(\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(member)
          : null;
      return [name, found ? (rename(found[1] ?? '') ?? found[1]) : walked(member, rename)];
    }),
  );
}

const id = fc.stringMatching(/^[a-z0-9]{1,4}$/);
const name = id.map((one) => `Patient/${one}`);
/** Texts that look like a reference, or would end one, among others. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  name.map((one) => `"reference":"${one}"`),
  name.map((one) => `\\"reference\\":\\"${one}\\"`),
  name,
);
const reference = fc.oneof(
  name,
  fc.tuple(name, id).map(([one, version]) => `${one}/_history/${version}`),
  fc.constantFrom(
    '#inside',
    'https://a.example/fhir/Patient/p',
    'urn:uuid:x',
    'Patient?identifier=x',
    'Patient/',
  ),
);
const element = fc.record(
  {
    reference,
    display: text,
    note: fc.array(fc.record({ text, author: fc.record({ reference }) }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

describe('resources on their way to a FHIR server', () => {
  test('references are renamed as a walk through the tree would, and nothing else is touched', () => {
    fc.assert(
      fc.property(element, id, fc.integer(), (content, kept, seed) => {
        const resource = { resourceType: 'Observation', id: 'o', subject: content };
        const rename = (one: string) => (one.length % 2 === seed % 2 ? `Patient/kept-${kept}` : undefined);
        const changed: unknown = JSON.parse(withReferences(JSON.stringify(resource), rename));
        expect(changed).toEqual(JSON.parse(JSON.stringify(walked(resource, rename))));
      }),
    );
  });

  test('each comes after what it refers to, whatever the order they stand in', () => {
    const graph = fc.array(fc.array(fc.nat({ max: 9 }), { maxLength: 4 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.nat()), (edges, dice) => {
        // Edges lead to smaller numbers alone: no circles.
        const resources = edges.map((targets, index) => ({
          resourceType: 'Basic',
          id: `b${index}`,
          extension: targets
            .filter((target) => target < index)
            .map((target) => ({ url: 'u', valueReference: { reference: `Basic/b${target}/_history/3` } })),
        }));
        const shuffled = resources
          .map((one) => ({ one, at: dice.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const ordered = inOrderOfReference(outgoingResources(shuffled.map(bytes), everything));
        const names = ordered.map((one) => one.name);
        expect([...names].sort()).toEqual(resources.map((one) => `Basic/${one.id}`).sort());
        for (const [index, { text: its }] of ordered.entries())
          for (const [, target = ''] of its.matchAll(/"reference":"(Basic\/b\d+)/g))
            expect(names.indexOf(target)).toBeLessThan(index);
      }),
    );
  });

  test('a condition holds the value with what a search would take for its own escaped', () => {
    const options = { ...everything, identifiers: new Map([['Patient', 'urn:a|b']]) };
    const patient = (identifier: unknown) => bytes({ resourceType: 'Patient', id: 'p', identifier });
    const conditionOf = (identifier: unknown) => {
      const [only] = outgoingResources([patient(identifier)], options);
      return only?.condition && decodeURIComponent(only.condition);
    };
    expect(conditionOf([{ system: 'urn:a|b', value: 'a,b|c$d\\e&f' }])).toBe(
      'Patient?identifier=urn:a|b|a\\,b\\|c\\$d\\\\e&f',
    );
    for (const none of [
      undefined,
      [],
      [{ system: 'urn:c', value: 'x' }],
      [{ system: 'urn:a|b' }],
      [{ system: 'urn:a|b', value: '' }],
    ])
      expect(conditionOf(none)).toBeUndefined();
    const [found] = outgoingResources([patient([{ system: 'urn:a|b', value: 'x' }])], options);
    expect(found?.text.startsWith('{"resourceType":"Patient","identifier"')).toBe(true);
    expect(entryName(found ?? { name: '', type: '', text: '', condition: '' })).toMatch(
      /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    );
  });
});

import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FhirObject, readJson, writeJson } from '#fhir';
import { parseMessage } from '#hl7v2';
import { loadMappings } from '#mapping';
import { repositoryRoot } from './bench-messages.js';
import { mapOruByHand } from './hand-written-oru.js';
import { laboratoryMessages } from './laboratory.js';

describe('the baseline of the mapping language', () => {
  test('makes all that the mapping files make of results of a laboratory, and nothing else', () => {
    const map = loadMappings(join(repositoryRoot, 'mappings')).forMessage('ORU', 'R01');
    for (const raw of laboratoryMessages({ count: 60, patients: 20, seed: 7 })) {
      const { resources } = map?.run(parseMessage(raw), { tenant: 'a' }) ?? { resources: [] };
      const byFiles = resources.map(({ resource }) => readJson(writeJson(resource)) as FhirObject);
      const byHand = mapOruByHand(raw, 'a')
        .toString()
        .split('\n')
        .map((line) => readJson(line) as FhirObject);
      expect(contents(byHand)).toEqual(contents(byFiles));
    }
  });
});

/** What resources say, ids aside: a reference is what it refers to. */
function contents(resources: readonly FhirObject[]): string[] {
  const byKey = new Map(
    resources.map((one) => [`${one['resourceType'] as string}/${one['id'] as string}`, one]),
  );
  const content = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(content);
    if (typeof one !== 'object' || one === null || Object.getPrototypeOf(one) !== Object.prototype)
      return one;
    const { id: _, reference, ...others } = one as FhirObject;
    const members = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
    if (typeof reference === 'string') members.push(['reference', content(byKey.get(reference)) as string]);
    return Object.fromEntries(members.map(([name, value]) => [name, content(value)]));
  };
  return resources.map((one) => writeJson(content(one))).sort();
}

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Caller, missingNeed, type Scope } from '#access';
import { resourceTypes } from '#fhir';
import { type Requirement, requirementForEntry } from './request-needs.js';

const scopesOf = (requirement: Requirement) =>
  typeof requirement === 'string'
    ? requirement
    : requirement.map(({ type, permission }) => `${type}.${permission}`).join(' ');
const needed = (method: string, url: string, headers: Record<string, string> = {}) =>
  scopesOf(requirementForEntry(method, url, headers));

describe('what a request needs', () => {
  test.each([
    ['GET', 'metadata', 'open'],
    ['GET', 'openapi.json', 'open'],
    ['GET', '.well-known/smart-configuration', 'open'],
    ['OPTIONS', 'Patient', 'open'],
    ['POST', '', ''],
    ['GET', 'Patient/1', 'Patient.r'],
    ['HEAD', 'Patient/1', 'Patient.r'],
    ['GET', 'Patient/1/_history', 'Patient.r'],
    ['GET', 'Patient/1/_history/2', 'Patient.r'],
    ['GET', 'Patient?name=x', 'Patient.s'],
    ['POST', 'Patient/_search', 'Patient.s'],
    ['GET', 'Patient/_history', 'Patient.s'],
    ['GET', '_history', '*.s'],
    ['GET', '?_id=1', '*.s'],
    ['GET', '?_type=Patient,Observation', 'Patient.s Observation.s'],
    ['GET', '?_type=Patient,Nonsense', 'Patient.s *.s'],
    ['POST', '_search', '*.s'],
    ['GET', 'Patient/1/Observation', 'Observation.s'],
    ['GET', 'Patient/1/*', '*.s'],
    ['POST', 'Patient/1/Observation/_search', 'Observation.s'],
    ['POST', 'Patient', 'Patient.c'],
    ['PUT', 'Patient/1', 'Patient.c Patient.u'],
    ['PUT', 'Patient?identifier=x', 'Patient.c Patient.u Patient.s'],
    ['PATCH', 'Patient/1', 'Patient.u'],
    ['PATCH', 'Patient?identifier=x', 'Patient.u Patient.s'],
    ['DELETE', 'Patient/1', 'Patient.d'],
    ['DELETE', 'Patient?identifier=x', 'Patient.d Patient.s'],
    ['DELETE', 'Patient/1/_history/2', 'Patient.d'],
    ['GET', 'Observation?subject:Patient.name=x', 'Observation.s Patient.s'],
    ['GET', 'Observation?subject.name=x', 'Observation.s *.s'],
    [
      'GET',
      'Observation?subject:Patient.organization:Organization.name=x',
      'Observation.s Patient.s Organization.s',
    ],
    ['GET', 'Patient?_has:Observation:patient:code=x', 'Patient.s Observation.s'],
    [
      'GET',
      'Patient?_has:Observation:patient:_has:AuditEvent:entity:agent=x',
      'Patient.s Observation.s AuditEvent.s',
    ],
    [
      'GET',
      'Patient?_has:Observation:patient:encounter:Encounter.class=x',
      'Patient.s Observation.s Encounter.s',
    ],
    ['GET', 'Encounter?subject:Patient._has:Group:member:_id=x', 'Encounter.s Group.s Patient.s'],
    ['GET', 'Observation?_include=Observation:subject:Patient', 'Observation.s Patient.r'],
    ['GET', 'Observation?_include=Observation:subject', 'Observation.s *.r'],
    ['GET', 'Observation?_include:iterate=*', 'Observation.s *.r'],
    ['GET', 'Patient?_revinclude=Provenance:target', 'Patient.s Provenance.s'],
    ['GET', 'Patient?_revinclude=*', 'Patient.s *.s'],
    ['GET', 'Patient?_filter=name eq x', 'Patient.s *.s'],
    ['GET', 'Patient?%5finclude=Patient:link', 'Patient.s *.r'],
    ['POST', 'Patient/$validate', ''],
    ['GET', 'Patient/1/$validate', 'Patient.r'],
    ['GET', 'Patient/1/$everything', '*.r *.s'],
    ['GET', '$export', '*.r *.s'],
    ['GET', 'Patient/$export?_type=Observation', 'Observation.r Observation.s'],
    ['POST', '$export?_type=Observation', '*.r *.s'],
    ['POST', '$import', '*.c *.u'],
    ['GET', 'Patient/1/$meta', 'Patient.r'],
    ['POST', 'Patient/1/$meta-add', 'Patient.u'],
    ['GET', 'Subscription/1/$status', 'Subscription.r'],
    ['GET', 'Subscription/1/$events', 'Subscription.r *.r *.s'],
    ['POST', 'Subscription/1/$get-ws-binding-token', 'Subscription.r *.r *.s'],
    ['POST', '$reindex', 'operator'],
    ['POST', 'Patient/$purge', 'operator'],
    ['GET', 'Subscription', 'Subscription.s'],
    ['POST', 'Subscription', 'Subscription.c *.r *.s'],
    ['GET', 'somewhere/else', 'operator'],
    ['TRACE', 'Patient/1', 'operator'],
    ['GET', 'Patient/1/_history/2/more', 'operator'],
    ['POST', 'Patient/1', 'operator'],
  ])('%s %s takes %s', (method, url, expected) => {
    expect(needed(method, url)).toBe(expected);
  });

  test('an update that names a version makes nothing; a create by condition tells what is there', () => {
    expect(needed('PUT', 'Patient/1', { 'if-match': 'W/"1"' })).toBe('Patient.u');
    const condition = { 'if-none-exist': 'organization:Organization.name=x' };
    expect(needed('POST', 'Patient', condition)).toBe('Patient.c Patient.s Organization.s');
  });

  const letters = fc.subarray(['c', 'r', 'u', 'd', 's'], { minLength: 1 }).map((chosen) => chosen.join(''));
  const scopes = fc.array(
    fc.record({ type: fc.constantFrom('*', 'Patient', 'Observation', 'Subscription'), permissions: letters }),
    { maxLength: 4 },
  );
  const url = fc
    .array(
      fc.oneof(
        fc.constantFrom(...resourceTypes.slice(0, 5), 'Patient', '1', '_history', '_search', '$export'),
        fc.string(),
      ),
      {
        maxLength: 5,
      },
    )
    .map((parts) => parts.join('/'));
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE');
  const caller = (list: readonly Scope[]): Caller => ({ kind: 'client', client: 'c', scopes: list });
  const isAllowed = (requirement: Requirement, list: readonly Scope[]) =>
    requirement === 'open' ||
    (requirement !== 'operator' && missingNeed(caller(list), requirement) === undefined);

  test('more scopes never allow less, and only documents about the server take none', () => {
    fc.assert(
      fc.property(method, url, scopes, scopes, (verb, address, some, more) => {
        const requirement = requirementForEntry(verb, address, {});
        if (isAllowed(requirement, some)) expect(isAllowed(requirement, [...some, ...more])).toBe(true);
        if (requirement === 'open') expect(address).toMatch(/^\/*(metadata|openapi\.json|\.well-known)/);
      }),
      { seed: 20_261_129, numRuns: 3_000 },
    );
  });

  test('a write takes a letter of writing, of its own type, whatever else is asked', () => {
    const query = fc.webQueryParameters();
    const verb = fc.constantFrom('PUT', 'PATCH', 'DELETE');
    const reading: Scope[] = [
      { type: '*', permissions: 'rs' },
      { type: 'Patient', permissions: 'rs' },
    ];
    fc.assert(
      fc.property(verb, fc.constantFrom(...resourceTypes), query, (asked, type, text) => {
        for (const address of [`${type}?${text}`, `${type}/1?${text}`]) {
          const requirement = requirementForEntry(asked, address, {});
          expect(isAllowed(requirement, reading)).toBe(false);
          if (type !== 'Observation')
            expect(isAllowed(requirement, [...reading, { type: 'Observation', permissions: 'cruds' }])).toBe(
              false,
            );
        }
      }),
      { seed: 20_261_129, numRuns: 1_000 },
    );
  });
});

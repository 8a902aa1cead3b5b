import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hash64 } from '#kernel';
import { compileCriteria } from './criteria.js';
import { indexTerms } from './index-keys.js';
import { alternatives } from './query-text.js';

describe('criteria', () => {
  test('a criterion decides on the resource alone', () => {
    const criteria = compileCriteria('Observation?patient=Patient/x');
    const of = (reference: string, resourceType = 'Observation') => ({
      resourceType,
      id: '1',
      subject: { reference },
    });
    expect(criteria.type).toBe('Observation');
    expect(criteria.matches(of('Patient/x'))).toBe(true);
    expect(criteria.matches(of('Patient/y'))).toBe(false);
    expect(criteria.matches(of('Group/x'))).toBe(false);
    expect(criteria.matches(of('Patient/x', 'Condition'))).toBe(false);
    expect(criteria.matches({ resourceType: 'Observation' })).toBe(false);
    expect(compileCriteria('Observation').matches(of('Patient/y'))).toBe(true);
  });

  test('a criterion on what only the server knows is refused, not ignored', () => {
    expect(() => compileCriteria('Observation?_lastUpdated=gt2020')).toThrow('no search parameter');
    expect(() => compileCriteria('Observation?_count=5')).toThrow('no search parameter');
    expect(() => compileCriteria('Anything')).toThrow('no resource type');
  });

  test('the members of an appointment are looked at one by one', () => {
    const criteria = compileCriteria('Appointment?patient=p2');
    const participant = ['Patient/p1', 'Patient/p2'].map((reference) => ({ actor: { reference } }));
    expect(criteria.matches({ resourceType: 'Appointment', id: '1', participant })).toBe(true);
  });

  test('every resource that matches is among the candidates that its rows lead to', () => {
    const word = fc.constantFrom('', 'a', 'b', 'a|b', 'a,b', '\\');
    const reference = fc.constantFrom('Patient/a', 'Patient/b', 'Group/a', 'urn:a', 'Patient/a/_history/1');
    const resource = fc.record({
      resourceType: fc.constant('Observation'),
      id: fc.constant('1'),
      identifier: fc.array(fc.record({ system: word, value: word }), { maxLength: 3 }),
      subject: fc.record({ reference }),
    });
    const escaped = word.map((text) => text.replace(/[\\,|$]/g, '\\$&'));
    const query = fc.oneof(
      fc.tuple(fc.constant('identifier'), escaped),
      fc.tuple(
        fc.constant('identifier'),
        fc.tuple(escaped, escaped).map((parts) => parts.join('|')),
      ),
      fc.tuple(fc.constantFrom('subject', 'patient', 'subject:Group'), fc.oneof(reference, word)),
    );
    fc.assert(
      fc.property(resource, query, fc.constantFrom('a', 'b', ''), (candidate, [name, value], owner) => {
        const patient = owner === '' ? null : hash64(`Patient/${owner}`);
        let criteria: ReturnType<typeof compileCriteria>;
        try {
          criteria = compileCriteria(`Observation?${new URLSearchParams([[name, value]]).toString()}`);
        } catch {
          return; // nothing is asked for
        }
        const places = criteria.candidates;
        if (places === undefined || !criteria.matches(candidate)) return;
        const rows = indexTerms(candidate, patient);
        const reached =
          rows.some((row) => places.terms.includes(row)) ||
          (patient !== null && places.patients.includes(patient));
        expect(reached).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('every time, name and code that matches is among the candidates that its terms lead to', () => {
    const between = (min: string, max: string) =>
      fc.date({ min: new Date(min), max: new Date(max), noInvalidDate: true });
    const time = fc
      .tuple(
        fc.oneof(between('1990-01-01', '2030-01-01'), between('2020-02-28T22:00Z', '2020-03-01T03:00Z')),
        fc.constantFrom(4, 7, 10, 16, 24),
      )
      .map(([date, length]) => date.toISOString().slice(0, length));
    const prefix = fc.constantFrom('', 'eq', 'gt', 'lt', 'ge', 'le', 'sa', 'eb');
    const name = fc.stringMatching(/^[abÄß ]{0,9}$/);
    const resource = fc.oneof(
      fc.record({
        resourceType: fc.constant('Encounter'),
        period: fc.oneof(
          fc.record({ start: time, end: time }),
          fc.record({ start: time }),
          fc.record({ end: time }),
        ),
        status: fc.constantFrom('a', 'b'),
      }),
      fc.record({
        resourceType: fc.constant('Patient'),
        birthDate: time,
        name: fc.array(fc.record({ family: name })),
      }),
    );
    const asked = fc.record({ prefix, time, second: fc.option(fc.tuple(prefix, time)), name });
    fc.assert(
      fc.property(resource, asked, (candidate, { prefix: first, time: at, second, name: word }) => {
        const type = candidate.resourceType;
        const parameter = type === 'Patient' ? 'birthdate' : 'date';
        const dates = `${type}?${parameter}=${first}${at}${second ? `&${parameter}=${second.join('')}` : ''}`;
        for (const text of [dates, `Patient?family=${word}`, 'Encounter?status=a']) {
          if (!text.startsWith(type) || text.endsWith('=')) continue;
          const { candidates, matches } = compileCriteria(text);
          if (candidates === undefined || !matches(candidate)) continue;
          const terms = new Set(indexTerms(candidate, null));
          expect([text, candidates.terms.some((term) => terms.has(term))]).toEqual([text, true]);
        }
      }),
      { numRuns: 3_000, seed: 7 },
    );
  });

  test('alternatives joined by commas come apart as they were', () => {
    const text = fc.string({ minLength: 1 }).map((value) => value.replace(/[\\,|$]/g, '\\$&'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 9 }), (values) => {
        expect(alternatives('x', values.join(','))).toEqual(values);
      }),
    );
  });
});

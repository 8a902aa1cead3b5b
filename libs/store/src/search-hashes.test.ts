import { describe, expect, test } from '@jest/globals';
import { hash64 } from '#kernel';
import { searchHashes } from './search-hashes.js';

describe('search hashes', () => {
  test('an identifier has one row with its system and one without', () => {
    const resource = { resourceType: 'Patient', id: 'a', identifier: [{ system: 'urn:mr', value: '77' }] };
    expect(searchHashes(resource, null)).toEqual([
      hash64('Patient|identifier||77'),
      hash64('Patient|identifier|urn:mr|77'),
    ]);
  });

  test('an identifier without system has one row, one without value none', () => {
    const resource = {
      resourceType: 'Encounter',
      id: 'a',
      identifier: [{ value: '77' }, { system: 'urn:x' }],
    };
    expect(searchHashes(resource, null)).toEqual([hash64('Encounter|identifier||77')]);
  });

  test('equal identifiers share their rows, and a single Identifier counts as one', () => {
    const twice = { resourceType: 'Patient', id: 'a', identifier: [{ value: '7' }, { value: '7' }] };
    expect(searchHashes(twice, null)).toHaveLength(1);
    const single = { resourceType: 'Composition', id: 'a', identifier: { system: 's', value: '7' } };
    expect(searchHashes(single, null)).toHaveLength(2);
  });

  test('a master identifier of a document is an identifier', () => {
    const resource = { resourceType: 'DocumentReference', id: 'a', masterIdentifier: { value: 'm' } };
    expect(searchHashes(resource, null)).toEqual([hash64('DocumentReference|identifier||m')]);
  });

  test('a type without the parameter has no rows', () => {
    expect(searchHashes({ resourceType: 'Provenance', id: 'a', identifier: [{ value: '7' }] }, null)).toEqual(
      [],
    );
    expect(searchHashes({}, null)).toEqual([]);
  });

  test('a reference has no row to the Patient that the pointer names, two to anything else, by each parameter', () => {
    const resource = { resourceType: 'Observation', id: 'a', subject: { reference: 'Patient/p' } };
    expect(searchHashes(resource, hash64('Patient/p'))).toEqual([]);
    expect(searchHashes(resource, hash64('Patient/q')).sort()).toEqual(
      ['subject||p', 'subject|Patient|p', 'patient||p', 'patient|Patient|p']
        .map((key) => hash64(`Observation|${key}`))
        .sort(),
    );
  });
});

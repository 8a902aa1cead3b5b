import { describe, expect, test } from '@jest/globals';
import { hash64 } from '#kernel';
import { searchHashes } from './search-hashes.js';

describe('search hashes', () => {
  test('an identifier has one row with its system and one without', () => {
    const resource = { resourceType: 'Patient', id: 'a', identifier: [{ system: 'urn:mr', value: '77' }] };
    expect(searchHashes(resource)).toEqual([
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
    expect(searchHashes(resource)).toEqual([hash64('Encounter|identifier||77')]);
  });

  test('equal identifiers share their rows, and a single Identifier counts as one', () => {
    const twice = { resourceType: 'Patient', id: 'a', identifier: [{ value: '7' }, { value: '7' }] };
    expect(searchHashes(twice)).toHaveLength(1);
    const single = { resourceType: 'Composition', id: 'a', identifier: { system: 's', value: '7' } };
    expect(searchHashes(single)).toHaveLength(2);
  });

  test('a master identifier of a document is an identifier', () => {
    const resource = { resourceType: 'DocumentReference', id: 'a', masterIdentifier: { value: 'm' } };
    expect(searchHashes(resource)).toEqual([hash64('DocumentReference|identifier||m')]);
  });

  test('a type without the parameter has no rows', () => {
    expect(searchHashes({ resourceType: 'Provenance', id: 'a', identifier: [{ value: '7' }] })).toEqual([]);
    expect(searchHashes({})).toEqual([]);
  });
});

import { describe, expect, test } from '@jest/globals';
import { type MappedResource, mergeUpdate } from './index.js';

function incoming(
  resource: object,
  removals: string[] = [],
  merge: MappedResource['merge'] = 'update',
): MappedResource {
  return {
    type: 'Patient',
    id: '1',
    key: 'Patient/1',
    merge,
    removals,
    resource: { resourceType: 'Patient', id: '1', ...resource },
  };
}

describe('meeting what is stored', () => {
  const current = {
    resourceType: 'Patient',
    id: '1',
    extension: [
      { url: 'a', valueString: '1' },
      { url: 'b', valueString: '2' },
    ],
    name: [{ family: 'Old' }],
    gender: 'female',
    deceasedBoolean: false,
  };

  test('what the message does not value keeps its content', () => {
    expect(mergeUpdate(current, incoming({ name: [{ family: 'New' }] }))).toEqual({
      ...current,
      name: [{ family: 'New' }],
    });
  });

  test('what it deletes is gone, a choice in whatever form, one extension alone', () => {
    const merged = mergeUpdate(current, incoming({}, ['gender', 'deceased', 'extension:a']));
    expect(merged).toEqual({
      resourceType: 'Patient',
      id: '1',
      extension: [{ url: 'b', valueString: '2' }],
      name: [{ family: 'Old' }],
    });
  });

  test('a choice takes the place of its other form', () => {
    expect(mergeUpdate(current, incoming({ deceasedDateTime: '2024' }))).not.toHaveProperty(
      'deceasedBoolean',
    );
  });

  const noMoment = {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'error' }],
  };

  test('a moment that could be read takes the place of one that could not, and is not lost to one', () => {
    const born = { ...current, birthDate: '1970' };
    const unborn = { ...current, _birthDate: noMoment };
    expect(mergeUpdate(unborn, incoming({ birthDate: '1970' }))).toEqual(born);
    expect(mergeUpdate(born, incoming({ _birthDate: noMoment }))).toEqual(born);
    expect(mergeUpdate(current, incoming({ _birthDate: noMoment }))).toEqual(unborn);
    expect(mergeUpdate(current, incoming({ _deceasedDateTime: noMoment }))).toEqual(current);
    const timed = { birthDate: '1970', _birthDate: { extension: [{ url: 'time', valueString: '8' }] } };
    expect(mergeUpdate(current, incoming(timed))).toEqual({ ...current, ...timed });
  });

  test('extensions meet by url', () => {
    const merged = mergeUpdate(current, incoming({ extension: [{ url: 'b', valueString: '3' }] }));
    expect(merged['extension']).toEqual([
      { url: 'a', valueString: '1' },
      { url: 'b', valueString: '3' },
    ]);
  });

  test('a snapshot says all there is, and a first message too', () => {
    const snapshot = incoming({ gender: 'male' }, [], 'snapshot');
    expect(mergeUpdate(current, snapshot)).toBe(snapshot.resource);
    expect(mergeUpdate(undefined, incoming({}))).toEqual({ resourceType: 'Patient', id: '1' });
  });

  test('who is only named stays as he is, and is made where nobody knows him', () => {
    const named = incoming({ identifier: [{ value: '1' }] }, [], 'refer');
    expect(mergeUpdate(current, named)).toBe(current);
    expect(mergeUpdate(undefined, named)).toBe(named.resource);
  });

  test('neither side is changed', () => {
    const before = structuredClone(current);
    mergeUpdate(current, incoming({ name: [] }, ['extension:a']));
    expect(current).toEqual(before);
  });
});

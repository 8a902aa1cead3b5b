import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bundleOf } from './bundle.js';
import { bundleOfBytes } from './bundle-of-bytes.js';

const name = fc.stringMatching(/^[A-Za-z]{2,64}$/);
const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
const resource = fc
  .tuple(name, fc.option(id, { nil: undefined }), fc.string({ unit: 'binary' }))
  .map(([resourceType, own, note]) => JSON.stringify({ resourceType, id: own, note }));

describe('a Bundle of bytes', () => {
  test('is byte for byte the Bundle of the same texts', () => {
    fc.assert(
      fc.property(fc.constantFrom('message', 'collection'), fc.array(resource), (type, resources) => {
        const made = bundleOfBytes(
          type,
          resources.map((text) => Buffer.from(text)),
        );
        expect(made.toString()).toBe(bundleOf(type, resources));
      }),
    );
  });

  test('an id that could end its JSON text early is a bug', () => {
    const text = JSON.stringify({ resourceType: 'Basic', id: 'a"b' });
    expect(() => bundleOfBytes('collection', [Buffer.from(text)])).toThrow('FHIR_HEAD_MALFORMED');
  });
});

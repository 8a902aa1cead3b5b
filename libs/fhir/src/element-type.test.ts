import { describe, expect, test } from '@jest/globals';
import { definitions } from './definitions.js';
import { childrenOf, elementType, typeKind } from './element-type.js';
import { resourceTypeCode, resourceTypes } from './resource-types.js';

describe('element types', () => {
  test('a nested element is found with its type and cardinality', () => {
    expect(elementType('Observation', 'referenceRange.text')).toMatchObject({
      known: true,
      path: 'Observation.referenceRange.text',
      types: ['string'],
      min: 0,
      max: 1,
      backbone: false,
    });
    expect(elementType('Observation', 'referenceRange')).toMatchObject({
      max: Number.POSITIVE_INFINITY,
      backbone: true,
    });
    expect(elementType('Observation', 'referenceRange.low')).toMatchObject({
      types: ['Quantity'],
      simpleQuantity: true,
    });
  });

  test('a path goes through data types, choices and content references', () => {
    expect(elementType('Observation', 'code.coding.system')).toMatchObject({ types: ['uri'] });
    expect(elementType('Observation', 'value')).toMatchObject({ choice: true, name: 'value[x]' });
    expect(elementType('Observation', 'valueQuantity')).toMatchObject({ choice: false, types: ['Quantity'] });
    expect(elementType('Observation', 'valueQuantity.unit')).toMatchObject({ types: ['string'] });
    expect(elementType('Observation', 'component.referenceRange.low.value')).toMatchObject({
      types: ['decimal'],
    });
    expect(elementType('Bundle', 'entry.link.relation')).toMatchObject({ types: ['string'] });
    expect(elementType('Patient', '_birthDate.extension.url')).toMatchObject({ types: ['uri'], min: 1 });
    expect(elementType('Timing', 'repeat.boundsPeriod.start')).toMatchObject({ types: ['dateTime'] });
  });

  test('a required binding lists its codes, a reference its targets', () => {
    const status = elementType('Observation', 'status');
    expect(status).toMatchObject({ min: 1, types: ['code'] });
    if (!status.known) throw new Error('unknown');
    expect([...(status.binding?.systems.values().next().value ?? [])]).toContain('final');
    expect(elementType('Observation', 'subject')).toMatchObject({
      targets: ['Device', 'Group', 'Location', 'Patient'],
    });
    expect(elementType('Observation', 'focus')).toMatchObject({ targets: [] });
  });

  test('a path that leads nowhere names the place, its children and the nearest name', () => {
    expect(elementType('Observation', 'referenceRange.txt')).toMatchObject({
      known: false,
      at: 'Observation.referenceRange',
      name: 'txt',
      nearest: 'text',
      children: expect.arrayContaining(['low', 'high', 'text']),
    });
    expect(elementType('Observation', 'value.unit')).toMatchObject({ known: false, at: 'Observation.value' });
    expect(elementType('Pateint', 'name')).toMatchObject({ known: false, at: '', nearest: 'Patient' });
    expect(elementType('Observation', 'zzzz')).toMatchObject({ nearest: undefined });
  });

  test('children are listed in the order of R4', () => {
    expect(childrenOf('HumanName')).toEqual([
      'id',
      'extension',
      'use',
      'text',
      'family',
      'given',
      'prefix',
      'suffix',
      'period',
    ]);
    expect(childrenOf('Patient', 'contact')).toContain('relationship');
    expect(childrenOf('Patient').slice(0, 4)).toEqual(['id', 'meta', 'implicitRules', 'language']);
  });

  test('what is not R4 has been left out of the tables', () => {
    expect(childrenOf('Meta')).toEqual([
      'id',
      'extension',
      'versionId',
      'lastUpdated',
      'source',
      'profile',
      'security',
      'tag',
    ]);
    expect(elementType('ResearchStudy', 'label')).toMatchObject({ known: false });
    expect(typeKind('SubscriptionStatus')).toBeUndefined();
  });

  test('every type builds and every element leads to a known type', () => {
    for (const name of [...definitions().typeNames('r'), ...definitions().typeNames('c')]) {
      for (const element of definitions().node(name)?.elements.values() ?? []) {
        for (const type of element.types) {
          expect([`${name}.${element.name}`, type, typeKind(type) ?? type]).not.toContain(undefined);
          if (element.content !== undefined)
            expect(definitions().node(element.content)?.path).toBe(element.content);
          else expect(typeKind(type) ?? `no type ${type}`).not.toMatch(/^no type/);
        }
      }
    }
  });
});

describe('resource types', () => {
  test('the codes are those of the tables and never move', () => {
    expect(resourceTypes).toEqual([...definitions().typeNames('r')].sort());
    expect(resourceTypes).toHaveLength(146);
    expect(resourceTypeCode('Account')).toBe(0);
    expect(resourceTypeCode('Observation')).toBe(95);
    expect(resourceTypeCode('VisionPrescription')).toBe(145);
    expect(() => resourceTypeCode('Bot')).toThrow();
  });
});

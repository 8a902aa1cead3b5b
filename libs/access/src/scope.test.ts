import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  allows,
  formatScopes,
  type Need,
  narrow,
  type Permission,
  parseScope,
  parseScopes,
} from './scope.js';

const types = ['*', 'Patient', 'Observation', 'Subscription'] as const;
const letters = fc.subarray(['c', 'r', 'u', 'd', 's'], { minLength: 1 }).map((chosen) => chosen.join(''));
const scope = fc.record({ type: fc.constantFrom(...types), permissions: letters });
const scopes = fc.array(scope, { maxLength: 4 });
const need = fc.record({
  type: fc.constantFrom(...types),
  permission: fc.constantFrom<Permission>('c', 'r', 'u', 'd', 's'),
});
const seeded = { seed: 20_261_129, numRuns: 2_000 };

describe('scopes', () => {
  test('letters of SMART 2 and words of SMART 1 are read', () => {
    expect(parseScope('system/Patient.rs')).toEqual({ type: 'Patient', permissions: 'rs' });
    expect(parseScope('system/*.cruds')).toEqual({ type: '*', permissions: 'cruds' });
    expect(parseScope('system/*.read')).toEqual({ type: '*', permissions: 'rs' });
    expect(parseScope('system/Observation.write')).toEqual({ type: 'Observation', permissions: 'cud' });
    expect(parseScope('system/*.*')).toEqual({ type: '*', permissions: 'cruds' });
  });

  test.each([
    'system/Patient.',
    'system/Patient.sr',
    'system/Patient.rr',
    'system/Nonsense.r',
    'system/toString.r',
    'patient/Patient.rs',
    'user/*.read',
    'system/Observation.rs?category=laboratory',
    'system/*',
    'openid',
    ' system/Patient.r',
    'SYSTEM/Patient.r',
  ])('%s is none', (text) => {
    expect(parseScope(text)).toBeUndefined();
    expect(parseScopes(`system/Patient.r ${text.trim() || 'x'}`) === undefined).toBe(text.trim() === text);
  });

  test('a list without any is none', () => {
    expect(parseScopes('')).toBeUndefined();
    expect(parseScopes('  ')).toBeUndefined();
    expect(parseScopes('system/Patient.r '.repeat(1_000))).toBeUndefined();
  });

  test('every type means all but Subscription, which must be named', () => {
    const all = [{ type: '*', permissions: 'cruds' }];
    expect(allows(all, { type: 'Patient', permission: 'c' })).toBe(true);
    expect(allows(all, { type: 'Subscription', permission: 'r' })).toBe(false);
    expect(allows([{ type: 'Patient', permissions: 'cruds' }], { type: '*', permission: 'r' })).toBe(false);
  });

  test('what is narrowed allows exactly what both lists allow', () => {
    fc.assert(
      fc.property(scopes, scopes, need, (asked, allowed, one) => {
        const both = allows(asked, one) && allows(allowed, one);
        expect(allows(narrow(asked, allowed), one)).toBe(both);
      }),
      seeded,
    );
  });

  test('what is written is read again as the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(scope, { minLength: 1, selector: ({ type }) => type }), (list) => {
        expect(parseScopes(formatScopes(list))).toEqual(list);
      }),
      seeded,
    );
  });

  test('no text is read as a scope that allows more than it says', () => {
    const noise = fc.stringMatching(/^system\/[A-Za-z*]{0,12}\.[cruds*readwit]{0,6}$/);
    fc.assert(
      fc.property(noise, need, (text, one: Need) => {
        const read = parseScope(text);
        if (read !== undefined && allows([read], one))
          expect(
            text.startsWith(`system/${read.type}.`) && (read.type === '*' || read.type === one.type),
          ).toBe(true);
      }),
      seeded,
    );
  });
});

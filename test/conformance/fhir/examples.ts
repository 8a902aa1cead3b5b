import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkResource, Decimal, type FhirObject, type FhirValue, readJson, writeJson } from '#fhir';
import { fromXml, toXml } from '#fhirxml';
import { r4RuleOf } from '#validation';

/** What became of the examples. */
export interface Examples {
  readonly files: number;
  readonly accepted: number;
  /** Why an example is refused (`kind place: message`) -> the files. */
  readonly refused: ReadonlyMap<string, readonly string[]>;
  /** Files that JSON, or XML, does not give back as they were. */
  readonly changedByJson: readonly string[];
  readonly changedByXml: readonly string[];
  readonly bytes: number;
  readonly checkMs: number;
}

/** Checks, writes and reads every resource of a folder. */
export function readExamples(folder: string): Examples {
  const refused = new Map<string, string[]>();
  const [changedByJson, changedByXml]: [string[], string[]] = [[], []];
  let [files, accepted, bytes, checkMs] = [0, 0, 0, 0];
  for (const file of readdirSync(folder).sort()) {
    if (!/^[A-Za-z].*\.json$/.test(file) || file === 'package.json') continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const resource = readJson(text) as FhirObject;
    files += 1;
    bytes += text.length;
    if (!isKept(text, writeJson(resource))) changedByJson.push(file);
    if (!isKeptByXml(resource)) changedByXml.push(file);
    const start = performance.now();
    const issues = checkResource(resource, r4RuleOf);
    checkMs += performance.now() - start;
    if (issues.length === 0) accepted += 1;
    for (const reason of new Set(issues.map(reasonOf)))
      refused.set(reason, [...(refused.get(reason) ?? []), file]);
  }
  return { files, accepted, refused, changedByJson, changedByXml, bytes, checkMs };
}

function reasonOf({ path, kind, message }: { path: string; kind: string; message: string }): string {
  return `${kind} ${path.replace(/\[\d+\]/g, '')}: ${message}`;
}

/** Read by JSON.parse both are the same tree, and all numbers stand there letter by letter, in the same order. */
function isKept(before: string, after: string): boolean {
  const numbers = (text: string): string =>
    (text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? []).join(' ');
  return (
    JSON.stringify(JSON.parse(before)) === JSON.stringify(JSON.parse(after)) &&
    numbers(before) === numbers(after)
  );
}

function isKeptByXml(resource: FhirObject): boolean {
  return writeJson(inOneOrder(fromXml(toXml(resource)))) === writeJson(inOneOrder(resource));
}

function inOneOrder(value: FhirValue): FhirValue {
  if (Array.isArray(value)) return value.map(inOneOrder);
  if (typeof value !== 'object' || value === null || value instanceof Decimal) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, inOneOrder(value[name] ?? null)]),
  );
}

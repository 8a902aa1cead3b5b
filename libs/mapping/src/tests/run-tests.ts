import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkResource } from '#fhir';
import { type Message, parseMessage } from '#hl7v2';
import { isEngineError } from '#kernel';
import { Problems } from '../language/problems.js';
import { MappingLibrary } from '../load-mappings.js';
import { baseLayer, folderOf, mappingFiles, sutureLayer } from '../mapping-files.js';
import type { MappingProblem } from '../mapping-problem.js';
import type { MappingResult } from '../mapping-result.js';
import type { MappingSet } from '../mapping-set.js';
import { findValues, valueText } from './find-values.js';
import { type MappingTest, readTests } from './read-tests.js';

export interface MappingTestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** What was not as expected; empty when the test passed. */
  readonly failures: readonly string[];
}

export interface MappingTestRun {
  readonly results: readonly MappingTestResult[];
  /** Mistakes in mappings, tables and test files; any of them fails the run. */
  readonly errors: readonly MappingProblem[];
}

/**
 * Runs every `*.test.yaml` under `dir` (`mappings/`) against the mappings there: those of a layer with that layer, the
 * others with the usual ones, unless a test names its layers.
 */
export function runMappingTests(dir: string): MappingTestRun {
  const library = new MappingLibrary(dir);
  const errors = new Map<string, MappingProblem>();
  const keep = (problems: readonly MappingProblem[]) => {
    for (const one of problems)
      errors.set(`${one.file}:${one.line}:${one.column} ${one.code} ${one.message}`, one);
  };
  keep(library.set(library.usualLayers).errors);
  const results: MappingTestResult[] = [];
  for (const layer of [baseLayer, sutureLayer, ...library.layers]) {
    const own = library.layers.includes(layer) ? [layer] : library.usualLayers;
    for (const file of mappingFiles(dir, folderOf(layer), '.test.yaml')) {
      const problems = new Problems(file);
      for (const test of readTests(readFileSync(join(dir, file), 'utf8'), problems)) {
        const set = library.set(test.layers ?? own);
        keep(set.errors);
        const failures = runTest(test, dir, file, set);
        results.push({ file, line: test.place.line, name: test.name, failures });
      }
      keep(problems.list);
    }
  }
  return { results, errors: [...errors.values()] };
}

function runTest(test: MappingTest, dir: string, file: string, set: MappingSet): string[] {
  const message = readMessage(test, dir, file);
  if (typeof message === 'string') return [message];
  const msh = message.first('MSH');
  const [code = '', trigger = '', structure] = [1, 2, 3].map((part) => msh?.value(9, 1, part) ?? undefined);
  const map = set.forMessage(code, trigger, structure);
  if (!map) return [`no map is for ${code}^${trigger}`];
  const context = { tenant: 'test', parameters: test.parameters, account: 'full' as const };
  const result = map.run(message, context);
  return [
    ...checkCounts(test, result),
    ...checkValues(test, result),
    ...checkReport(test, result),
    ...checkValid(test, result),
  ];
}

function readMessage(test: MappingTest, dir: string, file: string): Message | string {
  const bytes =
    test.message === undefined
      ? readSent(test.send ?? '', dir, file)
      : Buffer.from(test.message.trimEnd().replace(/\n/g, '\r'));
  if (!bytes) return `there is no file ${test.send ?? ''}`;
  try {
    return parseMessage(bytes);
  } catch (error) {
    if (isEngineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function readSent(send: string, dir: string, file: string): Buffer | undefined {
  const path = [join(dir, '..', send), join(dir, dirname(file), send)].find((one) => existsSync(one));
  return path === undefined ? undefined : readFileSync(path);
}

function checkCounts(test: MappingTest, { resources }: MappingResult): string[] {
  if (!test.resources) return [];
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  return Object.entries(test.resources).flatMap(([type, wanted]) => {
    const found = counts.get(type) ?? 0;
    return found === wanted ? [] : [`${type}: ${wanted} expected, ${found} found`];
  });
}

function checkValues(test: MappingTest, { resources }: MappingResult): string[] {
  const trees = resources.map((one) => one.resource);
  return test.values.flatMap(({ path, wanted }) => {
    const found = findValues(trees, path).map(valueText);
    const equal = found.length === wanted.length && found.every((value, i) => value === wanted[i]);
    return equal ? [] : [`${path}: [${wanted.join(', ')}] expected, [${found.join(', ')}] found`];
  });
}

function checkReport(test: MappingTest, { report }: MappingResult): string[] {
  const failures: string[] = [];
  const codes = report.errors.map((error) => error.code);
  if (codes.join() !== test.errors.join())
    failures.push(
      `errors: [${test.errors.join(', ')}] expected, [${report.errors.map((one) => `${one.code} ${one.path} ${one.rule}`).join(', ')}] found`,
    );
  if (test.unmapped && test.unmapped.join() !== report.unmapped.join())
    failures.push(`unmapped: [${test.unmapped.join(', ')}] expected, [${report.unmapped.join(', ')}] found`);
  return failures;
}

function checkValid(test: MappingTest, { resources }: MappingResult): string[] {
  if (!test.valid) return [];
  return resources.flatMap(({ resource }) =>
    checkResource(resource).map((issue) => `not valid R4: ${issue.path}: ${issue.message}`),
  );
}

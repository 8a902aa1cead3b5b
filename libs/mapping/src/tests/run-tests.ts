import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkResource } from '#fhir';
import type { MapSource } from '../language/mapping-file.js';
import { Problems } from '../language/problems.js';
import { MappingLibrary } from '../load-mappings.js';
import { baseLayer, filesOfLayer, sutureLayer } from '../mapping-files.js';
import { type MappingProblem, uniqueProblems } from '../mapping-problem.js';
import type { MappingResult } from '../mapping-result.js';
import type { MappingSet } from '../mapping-set.js';
import { findValues, valueText } from './find-values.js';
import { compareGolden, differenceText, readGolden } from './golden.js';
import { type MappingTest, readTests } from './read-tests.js';
import { mapInput, type TestInput, testInput } from './test-input.js';
import { updatedGolden } from './update-golden.js';

export interface MappingTestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** What was not as expected; empty when the test passed. */
  readonly failures: readonly string[];
  /** When its golden is missing or differs: the file, below `dir`, and what it would be if what was found were right. */
  readonly golden?: { readonly file: string; readonly text: string };
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
  const tests = new PreparedTests(dir);
  const results = tests.list.map((one) => {
    const { file, test } = one;
    return { file, line: test.place.line, name: test.name, ...tests.run(one) };
  });
  return { results, errors: tests.errors };
}

type Outcome = Pick<MappingTestResult, 'failures' | 'golden'>;

export interface PreparedTest {
  readonly file: string;
  readonly test: MappingTest;
  /** A string says why there is none. */
  readonly input: TestInput | string;
}

/** The tests under `dir` with their messages read and the mappings compiled: they can be run again and again. */
export class PreparedTests {
  readonly list: readonly PreparedTest[];
  /** Mistakes in mappings, tables and test files. */
  readonly errors: readonly MappingProblem[];

  /** `edit` changes each map before it is compiled. */
  constructor(
    readonly dir: string,
    edit?: (map: MapSource) => MapSource,
  ) {
    const library = new MappingLibrary(dir, edit);
    const choices = new Set<readonly string[]>();
    const mistakes: MappingProblem[] = [];
    this.list = [baseLayer, sutureLayer, ...library.layers].flatMap((layer) => {
      const usual = library.layers.includes(layer) ? [layer] : library.usualLayers;
      return filesOfLayer(dir, layer, '.test.yaml').flatMap((file) => {
        const problems = new Problems(file);
        const tests = readTests(readFileSync(join(dir, file), 'utf8'), problems);
        mistakes.push(...problems.list);
        return tests.map((test) => {
          const layers = test.layers ?? usual;
          choices.add(layers);
          const set = library.set(layers);
          return { file, test, input: readInput(test, dir, file, set) };
        });
      });
    });
    // Of other layers only what the tests want is compiled; suture validate compiles everything.
    const { errors } = library.set(library.usualLayers);
    const others = [...choices].flatMap((layers) => library.problems(layers));
    this.errors = uniqueProblems([...errors, ...others, ...mistakes]);
  }

  run({ file, test, input }: PreparedTest): Outcome {
    if (typeof input === 'string') return { failures: [input] };
    const context = { tenant: 'test', parameters: test.parameters, account: 'full' as const };
    const result = mapInput(input, context);
    const golden =
      test.golden === undefined ? undefined : checkGolden(join(dirname(file), test.golden), this.dir, result);
    const failures = [
      ...checkCounts(test, result),
      ...checkValues(test, result),
      ...(golden?.failures ?? []),
      ...checkReport(test, result),
      ...checkValid(test, result),
    ];
    return { failures, ...(golden?.golden && { golden: golden.golden }) };
  }
}

function checkGolden(file: string, dir: string, { resources }: MappingResult): Outcome {
  const path = join(dir, file);
  const golden = existsSync(path) ? readGolden(readFileSync(path, 'utf8')) : undefined;
  if (typeof golden === 'string') return { failures: [`${file}: ${golden}`] };
  const failures =
    golden === undefined
      ? [`there is no file ${file}; suture test --update writes it`]
      : compareGolden(golden, resources).map(differenceText);
  if (failures.length === 0) return { failures };
  return { failures, golden: { file, text: updatedGolden(golden, resources) } };
}

function readInput(test: MappingTest, dir: string, file: string, set: MappingSet): TestInput | string {
  const { message } = test;
  const bytes =
    message === undefined ? readSent(test.send ?? '', dir, file) : Buffer.from(writtenOut(message));
  return bytes ? testInput(bytes, set) : `there is no file ${test.send ?? ''}`;
}

/** HL7 ends segments with CR; rows and XML are as they stand. */
function writtenOut(message: string): string {
  return /^\s*(?:MSH|FHS|BHS)/.test(message) ? message.trimEnd().replace(/\n/g, '\r') : message;
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
    const equal = found.length === wanted.length && found.every((value, i) => isAsWanted(value, wanted[i]));
    return equal ? [] : [`${path}: [${wanted.join(', ')}] expected, [${found.join(', ')}] found`];
  });
}

/** `Patient/*` is any reference to a Patient. */
function isAsWanted(value: string, wanted: string | undefined): boolean {
  return value === wanted || (wanted?.endsWith('/*') === true && value.startsWith(wanted.slice(0, -1)));
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

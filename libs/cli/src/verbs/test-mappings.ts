import { writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { formatProblem, mutateMappings, runMappingTests } from '#mapping';
import { layersOption } from '../layer-choice.js';
import { folderLayout } from '../mapping-folder.js';
import { coverMessages } from '../rule-coverage.js';
import type { Terminal } from '../terminal.js';
import { counted, durationText } from '../time-text.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

type MappingTestRun = ReturnType<typeof runMappingTests>;

/** Editors write a file in several steps. */
const SETTLE_MS = 50;

export const testMappings: Verb = {
  usage: '[folder]',
  about: [
    'Runs every *.test.yaml beside the mappings: the message it sends, and the resources, values and report it expects.',
    'Without a folder: mappings/. Offline; the messages are fixtures, so what was found is shown.',
  ],
  options: {
    verbose: { type: 'boolean', short: 'v', about: 'name the tests that passed too' },
    update: { type: 'boolean', about: 'after showing what differs, write what was found into the goldens' },
    mutate: { type: 'boolean', about: 'take each rule away in turn and list those that no test misses' },
    coverage: {
      type: 'string',
      value: '<folder>',
      about:
        'map the messages of a folder instead, and list rules, drops and table rows that none of them needed',
    },
    layers: {
      ...layersOption,
      about: 'of --coverage: layers over the mappings, the highest last; none for none',
    },
    watch: { type: 'boolean', about: 'run again whenever a file below the folder changes, until Ctrl-C' },
  },
  exits: {
    ok: 'every test passed; with --coverage: messages were mapped',
    no: 'a test failed, or a mapping or test file has a mistake',
  },
  examples: ['test', 'test --watch', 'test site/mappings --verbose', 'test --coverage inbox --layers us'],
  run: async (call) => {
    const { words } = call.arguments;
    const folder = words.length === 0 ? undefined : call.arguments.onlyWord('folder');
    const layout = await folderLayout(call.settings, folder);
    const messages = call.arguments.text('coverage');
    if (messages !== undefined) return coverMessages(call, layout.mappings, messages);
    if (call.arguments.has('mutate')) return mutate(call, layout.mappings);
    if (!call.arguments.has('watch')) return runOnce(call, layout.mappings);
    for await (const _ of changesBelow(layout.mappings, call.terminal.stop)) runOnce(call, layout.mappings);
    return exitCode.ok;
  },
};

function runOnce(call: Call, mappings: string): ExitCode {
  const startedMs = performance.now();
  const run = runMappingTests(mappings);
  const failed = run.results.filter((result) => result.failures.length > 0).length;
  const isGood = failed + run.errors.length === 0;
  const code = isGood ? exitCode.ok : exitCode.no;
  if (call.json) call.terminal.out(JSON.stringify({ passed: run.results.length - failed, failed, ...run }));
  else tell(run, failed, performance.now() - startedMs, call);
  if (!call.arguments.has('update')) return code;
  for (const { golden } of run.results) {
    if (golden === undefined) continue;
    writeFileSync(join(mappings, golden.file), golden.text);
    call.terminal.note(`written: ${golden.file}`);
  }
  return code;
}

function tell(run: MappingTestRun, failed: number, ms: number, { terminal, arguments: options }: Call): void {
  for (const line of testLines(run, options.has('verbose'), terminal)) terminal.out(line);
  const counts = [`${run.results.length - failed} passed`, `${failed} failed`];
  if (run.errors.length > 0) counts.push(counted(run.errors.length, 'problem'));
  terminal.out(`${counts.join(', ')} (${durationText(ms)})`);
}

/** Answers no when a rule can go without any test noticing. */
function mutate({ terminal, json }: Call, mappings: string): ExitCode {
  const startedMs = performance.now();
  const run = mutateMappings(mappings, (done, of) => terminal.progress(`${done} of ${of} rules taken away`));
  const isGood = run.survivors.length + run.failing.length + run.errors.length === 0;
  if (json) terminal.out(JSON.stringify(run));
  else {
    for (const line of [...run.errors.map(formatProblem), ...run.failing]) terminal.out(line);
    for (const { file, line, name } of run.survivors) terminal.out(`${file}:${line}  ${name}`);
    const tried = run.failing.length + run.errors.length === 0;
    terminal.out(
      tried
        ? `${counted(run.rules, 'rule')} taken away in turn, ${run.survivors.length} missed by no test (${durationText(performance.now() - startedMs)})`
        : 'nothing was taken away: all tests must pass first',
    );
  }
  return isGood ? exitCode.ok : exitCode.no;
}

/** Once at the start, then whenever something below `folder` changed and nothing more did for a moment. */
async function* changesBelow(folder: string, stop: AbortSignal): AsyncGenerator<void> {
  try {
    const changes = watch(folder, { recursive: true, signal: stop })[Symbol.asyncIterator]();
    // Asked for before the first run, so that what changes during it is not missed.
    let next = changes.next();
    yield;
    for (;;) {
      if ((await next).done === true) return;
      next = changes.next();
      while (await Promise.race([next.then(() => true), setTimeout(SETTLE_MS, false)])) next = changes.next();
      yield;
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

/** What is wrong in files, then each test with what was not as expected. */
function testLines({ results, errors }: MappingTestRun, verbose: boolean, terminal: Terminal): string[] {
  const lines = errors.map(formatProblem);
  for (const { file, line, name, failures } of results) {
    if (failures.length === 0 && !verbose) continue;
    const word = failures.length === 0 ? terminal.paint('good', 'ok  ') : terminal.paint('bad', 'fail');
    lines.push(`${word}  ${file}:${line}  ${name}`, ...failures.map((failure) => `        ${failure}`));
  }
  return lines;
}

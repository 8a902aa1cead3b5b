import { formatProblem, runMappingTests } from '#mapping';
import { folderLayout } from '../mapping-folder.js';
import type { Terminal } from '../terminal.js';
import { counted, durationText } from '../time-text.js';
import { exitCode, type Verb } from '../verb.js';

type MappingTestRun = ReturnType<typeof runMappingTests>;

export const testMappings: Verb = {
  usage: '[folder]',
  about: [
    'Runs every *.test.yaml beside the mappings: the message it sends, and the resources, values and report it expects.',
    'Without a folder: mappings/. Offline; the messages are fixtures, so what was found is shown.',
  ],
  options: { verbose: { type: 'boolean', short: 'v', about: 'name the tests that passed too' } },
  exits: { ok: 'every test passed', no: 'a test failed, or a mapping or test file has a mistake' },
  examples: ['test', 'test site/mappings --verbose'],
  run: async (call) => {
    const { words } = call.arguments;
    const folder = words.length === 0 ? undefined : call.arguments.onlyWord('folder');
    const layout = await folderLayout(call.settings, folder);
    const startedMs = performance.now();
    const run = runMappingTests(layout.mappings);
    const failed = run.results.filter((result) => result.failures.length > 0).length;
    const isGood = failed + run.errors.length === 0;
    if (call.json) {
      call.terminal.out(JSON.stringify({ passed: run.results.length - failed, failed, ...run }));
      return isGood ? exitCode.ok : exitCode.no;
    }
    for (const line of testLines(run, call.arguments.has('verbose'), call.terminal)) call.terminal.out(line);
    const counts = [`${run.results.length - failed} passed`, `${failed} failed`];
    if (run.errors.length > 0) counts.push(counted(run.errors.length, 'problem'));
    call.terminal.out(`${counts.join(', ')} (${durationText(performance.now() - startedMs)})`);
    return isGood ? exitCode.ok : exitCode.no;
  },
};

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

import type { Finding } from '../doctor/finding.js';
import { checkDataDirectory, checkNode } from '../doctor/machine-checks.js';
import type { Colour } from '../terminal.js';
import { columns } from '../text-table.js';
import { type Call, exitCode, type Verb } from '../verb.js';

export const doctor: Verb = {
  usage: '',
  about: [
    'Checks what the engine needs and how it is doing, a line each, and says what to do about what is not right: Node, data',
    'directory, disk, channel files, mappings, database, queue, listeners, backlog, refusals, dead letters, deliveries,',
    'ledger. Changes nothing.',
  ],
  options: {},
  exits: { ok: 'nothing failed (warnings are possible)', no: 'a check failed' },
  examples: ['doctor', 'doctor --json'],
  run: async (call) => {
    call.arguments.noWords();
    const findings: Finding[] = [];
    for await (const finding of allChecks(call)) {
      findings.push(finding);
      if (!call.json) show(call, finding);
    }
    const failed = findings.filter((finding) => finding.level === 'fail').length;
    if (call.json) call.terminal.out(JSON.stringify({ healthy: failed === 0, findings }));
    else call.terminal.out(verdict(findings));
    return failed === 0 ? exitCode.ok : exitCode.no;
  },
};

/** What is quick and near first. */
async function* allChecks({ settings, terminal }: Call): AsyncGenerator<Finding> {
  yield checkNode(process.version);
  yield* await checkDataDirectory(settings);
  const { checkFiles } = await import('../doctor/file-checks.js');
  yield* await checkFiles(settings);
  terminal.progress('asking the database ...');
  const { checkDatabase } = await import('../doctor/database-checks.js');
  yield* await checkDatabase(settings);
  terminal.progress('asking the queue ...');
  const { checkQueue } = await import('../doctor/queue-checks.js');
  yield await checkQueue(settings);
  const { checkListeners } = await import('../doctor/network-checks.js');
  yield* await checkListeners(settings);
}

const colours: Record<Finding['level'], Colour> = { ok: 'good', warn: 'doubtful', fail: 'bad' };
const CHECK_WIDTH = 22;

function show({ terminal }: Call, { level, check, detail, remedy }: Finding): void {
  const word = terminal.paint(colours[level], level.padEnd(4));
  terminal.out(columns([[word, check.padEnd(CHECK_WIDTH), detail]])[0] ?? '');
  if (remedy !== undefined) terminal.out(`      ${' '.repeat(CHECK_WIDTH)}  -> ${remedy}`);
}

function verdict(findings: readonly Finding[]): string {
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const parts = [`${count('ok')} ok`];
  if (count('warn') > 0) parts.push(`${count('warn')} to look at`);
  if (count('fail') > 0) parts.push(`${count('fail')} failed`);
  return parts.join(', ');
}

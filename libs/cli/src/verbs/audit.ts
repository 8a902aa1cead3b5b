import { audit as auditLedger } from '#ledger';
import { findingText } from '../finding-text.js';
import { keyGiven } from '../log-key-given.js';
import { withDatabaseAtRest } from '../open-database.js';
import { counted, durationText } from '../time-text.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

export const audit: Verb = {
  usage: '',
  about: [
    'Hashes everything stored again and compares it with the ledger: the raw bytes and the FHIR of every message with its',
    'entry, every entry with the tree, every tile with the ones below, every signed checkpoint with tree and key. Names the',
    'message that was changed. Reads only; the engine may run meanwhile. Speed is that of the disk.',
  ],
  options: {
    key: {
      type: 'string',
      value: '<key or file>',
      about: "the log's key as known from elsewhere; default the one in the data directory",
    },
  },
  exits: { ok: 'everything is as it was ledgered', no: 'something was changed or is missing; each is named' },
  examples: ['audit', 'audit --key log.pub --json'],
  run: async (call) => {
    call.arguments.noWords();
    const trustedKey = await keyGiven(call);
    return withDatabaseAtRest(
      call.settings,
      (notice) => call.terminal.note(notice),
      (database) =>
        run(call, { database, directory: call.settings.ledgerDirectory, ...(trustedKey && { trustedKey }) }),
    );
  },
};

type AuditParts = Pick<Parameters<typeof auditLedger>[0], 'database' | 'directory' | 'trustedKey'>;

async function run({ terminal, json }: Call, parts: AuditParts): Promise<ExitCode> {
  const startedMs = Date.now();
  const report = await auditLedger({
    ...parts,
    onProgress: (done, total) =>
      terminal.progress(`${done} of ${total} leaves, ${pace(done, total, startedMs)}`),
    onFinding: (finding) => {
      if (!json) terminal.out(findingText(finding, terminal));
    },
  });
  if (json) {
    terminal.out(JSON.stringify(report));
    return report.sound ? exitCode.ok : exitCode.no;
  }
  const { messages, size, waiting, heads, found } = report;
  const notYet = waiting > 0 ? `, ${waiting} of them not in the tree yet` : '';
  terminal.out(
    `${counted(messages, 'message')} hashed again${notYet}; tree of ${counted(size, 'leaf').replace('leafs', 'leaves')}, ${counted(heads, 'signed checkpoint')}; ${durationText(Date.now() - startedMs)}`,
  );
  terminal.out(
    report.sound
      ? terminal.paint('good', 'sound: everything is as it was ledgered')
      : terminal.paint('bad', `NOT SOUND: ${counted(found, 'finding')}`),
  );
  return report.sound ? exitCode.ok : exitCode.no;
}

function pace(done: number, total: number, startedMs: number): string {
  const tookMs = Date.now() - startedMs;
  if (done === 0 || tookMs < 1_000) return 'starting';
  return `${durationText((tookMs / done) * (total - done))} to go`;
}

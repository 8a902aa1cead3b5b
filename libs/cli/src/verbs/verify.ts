import { verifyProof } from '#verify';
import { UsageError } from '../arguments.js';
import { keyGiven } from '../log-key-given.js';
import { listFiles, type MessageFile, readBytes } from '../message-files.js';
import type { Terminal } from '../terminal.js';
import { columns } from '../text-table.js';
import { type ExitCode, exitCode, type Verb } from '../verb.js';

type Verification = ReturnType<typeof verifyProof>;

export const verify: Verb = {
  usage: '<proof file>...',
  about: [
    'Checks proof files offline, with code that shares nothing with the engine but the hashing of trees: that raw and',
    'FHIR bytes are those the ledger entry commits to, and that the entry is in a tree which the log signed. Give --key',
    'the log key as you know it from elsewhere: the one in the file proves only that the file agrees with itself.',
  ],
  options: {
    key: { type: 'string', value: '<key or file>', about: "the log's key (name+id+key), or a file with it" },
  },
  exits: { ok: 'every file is proven', no: 'a file does not prove what it says, or is no proof file' },
  examples: ['verify 0-17-42.proof.json --key log.pub', 'verify *.proof.json --json'],
  run: async (call) => {
    const { words } = call.arguments;
    if (words.length === 0) throw new UsageError('a proof file is missing');
    const key = await keyGiven(call);
    let worst: ExitCode = exitCode.ok;
    for (const file of await listFiles(words, call.settings.typedFrom)) {
      const verification = verifyProof((await readBytes(file)).toString('utf8'), key);
      if (call.json) call.terminal.out(JSON.stringify({ file: file.path, ...verification }));
      else for (const line of verificationLines(file, verification, call.terminal)) call.terminal.out(line);
      if (verification.outcome !== 'verified') worst = exitCode.no;
    }
    return worst;
  },
};

/** What was found out about one file, for a person. */
function verificationLines(file: MessageFile, verification: Verification, terminal: Terminal): string[] {
  const { outcome, level, keyFrom, reasons, facts } = verification;
  if (facts === undefined) {
    const word = outcome === 'unreadable' ? 'UNREADABLE' : 'NOT PROVEN';
    return [
      `${terminal.paint('bad', word)}  ${file.label}`,
      ...reasons.map((reason) => `  ${reason}`),
      `  level reached: ${level}`,
    ];
  }
  const rows = [
    ['  message', `${facts.message} (${facts.state})`],
    ['  received', facts.receivedAt],
    ['  mapping', facts.mapping],
    ['  tree', `${facts.log}, leaf ${facts.index} of ${facts.treeSize}`],
    ['  root', facts.root],
    ['  level', level],
  ];
  const caution =
    keyFrom === 'file'
      ? ['  The key came from the file itself. To know that it is the log you mean, give its key with --key.']
      : [];
  return [`${terminal.paint('good', 'PROVEN')}  ${file.label}`, ...columns(rows), ...caution];
}

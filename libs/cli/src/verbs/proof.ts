import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EngineError, formatPosition } from '#kernel';
import { makeProof } from '#ledger';
import { onlyMessage } from '../one-message.js';
import { withDatabaseAtRest } from '../open-database.js';
import { type Call, exitCode, type Verb } from '../verb.js';

const DEFAULT_WAIT_MS = 10_000;

export const proof: Verb = {
  usage: '<id>',
  about: [
    'Writes a proof file for one message: its raw bytes, the FHIR it became, its ledger entry and the path to a signed',
    'checkpoint. Whoever has the file and the log key checks it offline with suture verify. The file holds the content',
    'of the message: treat it like the message. <id> is anything that suture trace understands.',
  ],
  options: {
    out: {
      type: 'string',
      short: 'o',
      value: '<file>',
      about: 'where to write; default <position>.proof.json; - is standard output',
    },
    force: { type: 'boolean', about: 'replace an existing file' },
    wait: {
      type: 'string',
      value: '<time>',
      about: 'for a message that is not in a signed tree yet; default 10s',
    },
  },
  exits: { ok: 'written', no: 'no such message, several of them, or the file exists' },
  examples: ['proof 0-17-42', 'proof MSG00012 --out msg12.proof.json'],
  run: async (call) => {
    const id = call.arguments.onlyWord('id');
    const waitMs = call.arguments.durationMs('wait') ?? DEFAULT_WAIT_MS;
    const made = await withDatabaseAtRest(
      call.settings,
      (notice) => call.terminal.note(notice),
      async (database) => {
        const position = await onlyMessage(database, id, call.terminal);
        call.terminal.progress(`proving ${formatPosition(position)} ...`);
        const text = await makeProof({
          database,
          directory: call.settings.ledgerDirectory,
          position,
          waitMs,
        });
        return { name: formatPosition(position), text };
      },
    );
    const target = call.arguments.text('out') ?? `${made.name}.proof.json`;
    if (target === '-') {
      call.terminal.out(made.text.trimEnd());
      return exitCode.ok;
    }
    await writeProof(call, target, made.text);
    if (call.json) call.terminal.out(JSON.stringify({ message: made.name, file: target }));
    else {
      call.terminal.out(`${target} proves message ${made.name}`);
      call.terminal.out(`It holds the content of the message. Check it, anywhere: suture verify ${target}`);
    }
    return exitCode.ok;
  },
};

async function writeProof(call: Call, target: string, text: string): Promise<void> {
  const path = resolve(call.settings.typedFrom, target);
  try {
    // It holds personal data: nobody else may read it.
    await writeFile(path, text, { mode: 0o600, flag: call.arguments.has('force') ? 'w' : 'wx' });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw code === 'EEXIST'
      ? new EngineError(
          'rejected',
          'FILE_EXISTS',
          `${target} exists; --force replaces it, --out names another`,
        )
      : new EngineError('misconfigured', 'FILE_UNWRITABLE', `cannot write ${target} (${code})`, { cause });
  }
}

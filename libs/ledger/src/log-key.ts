import { EngineError } from '#kernel';
import { NoteSigner } from '#merkle';
import type { LedgerDirectory } from './ledger-directory.js';

const SECRET_FILE = 'key';
export const PUBLIC_KEY_FILE = 'key.pub';
/** Only the user that runs the engine may read the signing key. */
const SECRET_MODE = 0o600;

/**
 * The log's signing key, kept in the file `key` with the verifier key beside it in `key.pub`. Made at the very first
 * start, if `mayCreate`; afterwards a missing key is an error, because a new key would be a new log.
 */
export async function openLogKey(
  directory: LedgerDirectory,
  origin: string,
  mayCreate: boolean,
): Promise<NoteSigner> {
  const text = (await directory.read(SECRET_FILE))?.toString('utf8').trim();
  if (text === undefined && !mayCreate) {
    throw new EngineError(
      'misconfigured',
      'LEDGER_KEY_MISSING',
      `the ledger has signed checkpoints, but its key ${directory.path}/${SECRET_FILE} is gone. Restore the file from a backup.`,
    );
  }
  const signer = text === undefined ? newKey(origin) : NoteSigner.parse(text);
  if (signer?.name !== origin) {
    throw new EngineError(
      'misconfigured',
      'LEDGER_KEY_UNFIT',
      signer === undefined
        ? `${directory.path}/${SECRET_FILE} is no signing key. Restore the file from a backup.`
        : `the key in ${directory.path} belongs to the log '${signer.name}', the settings name it '${origin}'. A log keeps its name: set it back.`,
    );
  }
  const publicText = `${signer.verifier.toString()}\n`;
  if (text === undefined) await directory.write(SECRET_FILE, `${signer.secret()}\n`, SECRET_MODE);
  if ((await directory.read(PUBLIC_KEY_FILE))?.toString('utf8') !== publicText)
    await directory.write(PUBLIC_KEY_FILE, publicText);
  return signer;
}

function newKey(origin: string): NoteSigner {
  try {
    return NoteSigner.generate(origin);
  } catch (cause) {
    throw new EngineError(
      'misconfigured',
      'LEDGER_ORIGIN_INVALID',
      `'${origin}' cannot name a log: use something like 'hospital.example/suture', without spaces and plus signs`,
      { cause },
    );
  }
}

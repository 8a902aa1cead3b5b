import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { EngineError } from '#kernel';

/**
 * How PostgreSQL, which refuses to run as root, is run.
 * - plain: as the account that runs the engine.
 * - namespace: root is shown to PostgreSQL as an ordinary account inside a user namespace; files stay root's.
 * - account: under another account of the machine, which then owns the database files.
 */
export type PostgresAccount =
  | { readonly kind: 'plain' }
  | { readonly kind: 'namespace'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'account'; readonly uid: number; readonly gid: number };

/** Accounts of /etc/passwd we would rather use than any other, best first. */
const preferredAccounts = ['postgres', 'nobody', 'daemon'];

/**
 * Chooses how to run PostgreSQL here. `SUTURE_POSTGRES_ACCOUNT` (plain, namespace, account) overrides, for tests and for
 * machines where the choice turns out wrong. PostgreSQL looks its own number up in /etc/passwd, so the number must exist there.
 */
export function choosePostgresAccount(forced = process.env['SUTURE_POSTGRES_ACCOUNT']): PostgresAccount {
  const uid = process.getuid?.();
  const accounts = readAccounts();
  if (forced === 'plain' || uid === undefined) return { kind: 'plain' };
  // Only the passwd file can be asked here; accounts from elsewhere (LDAP) are taken as known.
  if (forced === undefined && uid !== 0 && accounts.some((account) => account.uid === uid))
    return { kind: 'plain' };
  const account =
    preferredAccounts
      .map((name) => accounts.find((each) => each.name === name))
      .find((each) => each !== undefined) ?? accounts.find((each) => each.uid > 0);
  if (account !== undefined && forced !== 'account' && namespacesWork(account)) {
    return { kind: 'namespace', uid: account.uid, gid: account.gid };
  }
  if (uid !== 0) return { kind: 'plain' };
  if (account === undefined) {
    throw new EngineError(
      'misconfigured',
      'POSTGRES_NO_ACCOUNT',
      'PostgreSQL refuses to run as root, and /etc/passwd names no other account. Add one (`useradd suture`), or set DATABASE_URL.',
    );
  }
  return { kind: 'account', uid: account.uid, gid: account.gid };
}

/** The command line that runs `command` in the way `account` says. */
export function commandFor(account: PostgresAccount, command: readonly string[]): readonly string[] {
  if (account.kind !== 'namespace') return command;
  return ['unshare', '--user', `--map-user=${account.uid}`, `--map-group=${account.gid}`, ...command];
}

function namespacesWork(account: { uid: number; gid: number }): boolean {
  const [program, ...rest] = commandFor({ kind: 'namespace', uid: account.uid, gid: account.gid }, ['true']);
  return spawnSync(program as string, rest, { stdio: 'ignore' }).status === 0;
}

function readAccounts(): { name: string; uid: number; gid: number }[] {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    // macOS and images without the file: nothing to choose from.
    return [];
  }
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((account) => account.name !== '' && Number.isInteger(account.uid) && account.uid > 0);
}

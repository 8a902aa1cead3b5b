import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { FileJournal, zipOf } from '../../testing/file-journal.js';
import { messageOf, until } from '../../testing/mllp-peer.js';
import { fileDefaults } from '../files/file-defaults.js';
import { fileFormats } from '../files/file-formats.js';
import { FolderSource } from '../files/folder-source.js';
import { SftpFolder } from './sftp-folder.js';

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));

(sshd === undefined ? describe.skip : describe)(
  'an SFTP source (skipped where there is no OpenSSH server, sshd)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'suture-sftp-'));
    const path = join(folder, 'in');
    let port = 0;
    let hostKey = '';
    let server: ChildProcess;
    let source: FolderSource | undefined;

    beforeAll(async () => {
      mkdirSync(path);
      for (const key of ['host', 'user', 'stranger'])
        execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
      writeFileSync(join(folder, 'authorized'), readFileSync(join(folder, 'user.pub')), { mode: 0o600 });
      hostKey =
        /SHA256:(\S+)/.exec(execFileSync('ssh-keygen', ['-lf', join(folder, 'host.pub')]).toString())?.[1] ??
        '';
      port = await freePort();
      if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
      server = listening();
    });
    afterEach(() => source?.stop(1_000));
    afterAll(() => {
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });

    function listening(): ChildProcess {
      const options = {
        ListenAddress: '127.0.0.1',
        HostKey: join(folder, 'host'),
        AuthorizedKeysFile: join(folder, 'authorized'),
        PidFile: 'none',
        StrictModes: 'no',
        UsePAM: 'no',
        PermitRootLogin: 'yes',
        PasswordAuthentication: 'no',
        Subsystem: 'sftp internal-sftp',
      };
      const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
      return spawn(sshd ?? '', ['-D', '-e', '-f', '/dev/null', '-p', String(port), ...words], {
        stdio: 'ignore',
      });
    }

    const start = async (journal: FileJournal, over: { key?: string; hostKey?: string } = {}) => {
      const keyFile = join(folder, over.key ?? 'user');
      const remote = new SftpFolder({
        ...{
          host: '127.0.0.1',
          port,
          user: userInfo().username,
          keyFile,
          hostKey: over.hostKey ?? hostKey,
          path,
        },
        ...{ pattern: '*', archive: 'archive', error: 'error', needsChecksum: false },
        ...{ spool: join(folder, 'spool'), fileMaxBytes: fileDefaults.fileMaxBytes },
      });
      const options = {
        channel: 'remote',
        formats: fileFormats('auto'),
        order: 'name' as const,
        pollMs: 20,
        settleMs: 0,
      };
      source = new FolderSource({ ...fileDefaults, ...options }, remote);
      await source.start(journal.receive);
    };
    const arrives = (where: string, name: string) =>
      until(() => existsSync(join(path, where, name)), `${name} is in ${where}`);

    test('files are taken in order, with reports in the archive there, errors apart, archives unpacked', async () => {
      const journal = new FileJournal();
      mkdirSync(join(path, '.claimed'));
      writeFileSync(join(path, '.claimed', 'left.hl7'), messageOf('0'));
      writeFileSync(join(path, 'a.hl7'), messageOf('1') + messageOf('2'));
      writeFileSync(join(path, 'b.zip'), zipOf([{ name: 'x', content: Buffer.from(messageOf('3')) }]));
      writeFileSync(join(path, 'c.hl7'), 'nonsense');
      writeFileSync(join(path, 'd.part'), messageOf('9'));
      await start(journal);
      await arrives('error', 'c.hl7');
      expect(journal.stored).toEqual(['0', '1', '2', '3']);
      expect(readdirSync(join(path, 'archive')).sort()).toEqual(
        ['a.hl7', 'b.zip', 'left.hl7'].flatMap((name) => [name, `${name}.report.json`]),
      );
      expect(readdirSync(join(path, '.claimed'))).toEqual([]);
      await until(() => readdirSync(join(folder, 'spool')).length === 0, 'what was fetched is removed');
    });

    test('a server with another key is not talked to, and a stranger is told that he is not let in', async () => {
      await start(new FileJournal(), { hostKey: 'A'.repeat(43) });
      await until(() => source?.trouble()?.includes(`is SHA256:${hostKey}`) === true, 'the key is told');
      await source?.stop(1_000);
      await start(new FileJournal(), { key: 'stranger' });
      await until(() => source?.trouble()?.includes('does not let') === true, 'the refusal is told');
    });

    test('when the server goes away and comes back, files are taken again', async () => {
      const journal = new FileJournal();
      await start(journal);
      writeFileSync(join(path, 'e.hl7'), messageOf('5'));
      await arrives('archive', 'e.hl7');
      execFileSync('sh', [
        '-c',
        `kill -9 ${server.pid} $(ps -o pid= --ppid ${server.pid}) 2>/dev/null || true`,
      ]);
      await until(() => source?.trouble() !== undefined, 'the loss is told');
      server = listening();
      writeFileSync(join(path, 'f.hl7'), messageOf('6'));
      await arrives('archive', 'f.hl7');
      expect(journal.stored).toEqual(['5', '6']);
    });
  },
);

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

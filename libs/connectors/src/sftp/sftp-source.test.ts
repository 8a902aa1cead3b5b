import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { FileJournal, zipOf } from '../../testing/file-journal.js';
import { messageOf, until } from '../../testing/mllp-peer.js';
import { hasSftpServer, SftpServer } from '../../testing/sftp-server.js';
import { fileDefaults } from '../files/file-defaults.js';
import { fileFormats } from '../files/file-formats.js';
import { FolderSource } from '../files/folder-source.js';
import { SftpFolder } from './sftp-folder.js';

(hasSftpServer ? describe : describe.skip)(
  'an SFTP source (skipped where there is no OpenSSH server, sshd)',
  () => {
    let server: SftpServer;
    let path = '';
    let source: FolderSource | undefined;

    beforeAll(async () => {
      server = await SftpServer.start();
      path = join(server.folder, 'in');
      mkdirSync(path);
    });
    afterEach(() => source?.stop(1_000));
    afterAll(() => server.close());

    const start = async (journal: FileJournal, over: { key?: 'stranger'; hostKey?: string } = {}) => {
      const { port, user } = server;
      const keyFile = server.key(over.key ?? 'user');
      const remote = new SftpFolder({
        ...{ host: '127.0.0.1', port, user, keyFile, hostKey: over.hostKey ?? server.hostKey, path },
        ...{ pattern: '*', archive: 'archive', error: 'error', needsChecksum: false },
        ...{ spool: join(server.folder, 'spool'), fileMaxBytes: fileDefaults.fileMaxBytes },
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
      // OpenSSH renames in two steps: for a moment the file is in both places.
      await until(() => readdirSync(join(path, '.claimed')).length === 0, 'nothing stays claimed');
      await until(
        () => readdirSync(join(server.folder, 'spool')).length === 0,
        'what was fetched is removed',
      );
    });

    test('a server with another key is not talked to, and a stranger is told that he is not let in', async () => {
      await start(new FileJournal(), { hostKey: 'A'.repeat(43) });
      await until(
        () => source?.trouble()?.includes(`is SHA256:${server.hostKey}`) === true,
        'the key is told',
      );
      await source?.stop(1_000);
      await start(new FileJournal(), { key: 'stranger' });
      await until(() => source?.trouble()?.includes('does not let') === true, 'the refusal is told');
    });

    test('when the server goes away and comes back, files are taken again', async () => {
      const journal = new FileJournal();
      await start(journal);
      writeFileSync(join(path, 'e.hl7'), messageOf('5'));
      await arrives('archive', 'e.hl7');
      server.kill();
      await until(() => source?.trouble() !== undefined, 'the loss is told');
      server.listen();
      writeFileSync(join(path, 'f.hl7'), messageOf('6'));
      await arrives('archive', 'f.hl7');
      expect(journal.stored).toEqual(['5', '6']);
    });
  },
);

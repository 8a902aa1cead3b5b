import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FileJournal, zipOf } from '../../testing/file-journal.js';
import { messageOf, until } from '../../testing/mllp-peer.js';
import { fileDefaults } from '../files/file-defaults.js';
import { fileFormats } from '../files/file-formats.js';
import { FolderSource } from '../files/folder-source.js';
import { LocalFolder } from './local-folder.js';

describe('a directory source', () => {
  let path: string;
  let journal: FileJournal;
  let source: FolderSource | undefined;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'suture-directory-'));
    journal = new FileJournal();
  });
  afterEach(async () => {
    await source?.stop(1_000);
    rmSync(path, { recursive: true, force: true });
  });

  const put = (name: string, text: string | Buffer) => writeFileSync(join(path, name), text);
  const report = (folder: string, name: string) =>
    JSON.parse(readFileSync(join(path, folder, `${name}.report.json`), 'utf8')) as Record<string, unknown>;
  const arrives = (folder: string, name: string) =>
    until(() => existsSync(join(path, folder, name)), `${name} is in ${folder}`);
  const start = async (
    over: { settleMs?: number; order?: 'name' | 'time'; needsChecksum?: boolean; fileMaxBytes?: number } = {},
  ) => {
    const folders = {
      claimed: join(path, '.claimed'),
      archive: join(path, 'archive'),
      error: join(path, 'error'),
    };
    const folder = new LocalFolder({
      path,
      pattern: '*',
      needsChecksum: over.needsChecksum ?? false,
      ...folders,
    });
    const options = {
      channel: 'files',
      formats: fileFormats('auto'),
      order: over.order ?? ('name' as const),
      pollMs: 5,
    };
    source = new FolderSource({ ...fileDefaults, settleMs: 0, ...options, ...over }, folder);
    await source.start(journal.receive);
  };

  test('files are taken in order of their names, archived, and each has a report whose counts agree', async () => {
    put('b.hl7', messageOf('3'));
    put('a.hl7', `BHS|^~\\&\r${messageOf('1')}${messageOf('2')}${messageOf('2')}BTS|4\r`);
    await start();
    await arrives('archive', 'b.hl7');
    expect(journal.stored).toEqual(['1', '2', '3']);
    expect(report('archive', 'a.hl7')).toMatchObject({
      units: 3,
      journaled: 2,
      duplicates: 1,
      refused: 0,
      findings: [{ code: 'BATCH_COUNT_WRONG', line: 8 }],
    });
  });

  test('files that are not finished, hidden, linked or in folders are left alone', async () => {
    for (const name of ['.a.hl7', 'a.tmp', 'a.part', 'a.hl7~']) put(name, messageOf('0'));
    mkdirSync(join(path, 'folder'));
    writeFileSync(join(path, 'folder', 'a.hl7'), messageOf('0'));
    symlinkSync(join(path, 'folder', 'a.hl7'), join(path, 'link.hl7'));
    put('z.hl7', messageOf('1'));
    await start();
    await arrives('archive', 'z.hl7');
    expect(journal.stored).toEqual(['1']);
    expect(readdirSync(path).sort()).toEqual([
      '.a.hl7',
      '.claimed',
      'a.hl7~',
      'a.part',
      'a.tmp',
      'archive',
      'error',
      'folder',
      'link.hl7',
    ]);
  });

  test('a file that came before adds nothing, and does not replace the one in the archive', async () => {
    put('a.hl7', messageOf('1'));
    await start();
    await arrives('archive', 'a.hl7');
    put('a.hl7', messageOf('1'));
    await until(() => readdirSync(join(path, 'archive')).length === 4, 'both are kept');
    expect(journal.stored).toEqual(['1']);
  });

  test('what was claimed before a crash is taken first, and only the rest of it is new', async () => {
    mkdirSync(join(path, '.claimed'));
    writeFileSync(join(path, '.claimed', 'z.hl7'), messageOf('1') + messageOf('2'));
    await journal.receive({ channel: 'files', raw: Buffer.from(messageOf('1')), receivedAtMs: 0 });
    put('a.hl7', messageOf('3'));
    await start();
    await arrives('archive', 'a.hl7');
    expect(journal.stored).toEqual(['1', '2', '3']);
    expect(report('archive', 'z.hl7')).toMatchObject({ journaled: 1, duplicates: 1, resumed: true });
  });

  test('what cannot be taken goes to the errors with code, remedy and line; what is refused is listed', async () => {
    put('empty.hl7', '');
    put('text.hl7', 'no such format');
    put('refused.hl7', messageOf('1').replace('ORU', 'ADT'));
    put('some.hl7', messageOf('1').replace('ORU', 'ADT') + messageOf('2'));
    await start();
    await arrives('archive', 'some.hl7');
    for (const [name, code] of [
      ['empty', 'FILE_EMPTY'],
      ['text', 'FILE_FORMAT_UNKNOWN'],
      ['refused', 'FILE_REFUSED'],
    ]) {
      await arrives('error', `${name}.hl7`);
      expect(report('error', `${name}.hl7`)).toMatchObject({ error: { code, remedy: expect.any(String) } });
    }
    expect(report('archive', 'some.hl7')).toMatchObject({
      refused: 1,
      journaled: 1,
      refusals: [{ unit: 1, line: 1, code: 'HL7_TYPE_NOT_ACCEPTED' }],
    });
  });

  test('a checksum beside a file is checked; where it is required a file waits for it', async () => {
    put('good.hl7', messageOf('1'));
    put('bad.hl7', messageOf('2'));
    put('bad.hl7.md5', '0'.repeat(32));
    await start({ needsChecksum: true });
    await arrives('error', 'bad.hl7');
    expect(existsSync(join(path, 'good.hl7'))).toBe(true);
    put('good.hl7.sha256', `${createHash('sha256').update(messageOf('1')).digest('hex')}  good.hl7\n`);
    await arrives('archive', 'good.hl7');
    expect(existsSync(join(path, 'archive', 'good.hl7.sha256'))).toBe(true);
    expect(journal.stored).toEqual(['1']);
  });

  test('paused it takes nothing; what was left uncertain is given again until all of it is known', async () => {
    const ids = Array.from({ length: 150 }, (_, n) => `M${n}`);
    put('a.hl7', ids.map((id) => messageOf(id)).join(''));
    journal.uncertain = 1;
    const started = start();
    source?.pause();
    await started;
    expect(journal.stored).toEqual([]);
    source?.resume();
    await arrives('archive', 'a.hl7');
    expect([...new Set(journal.stored)].sort()).toEqual([...ids].sort());
  });

  test('the files of an archive are taken, and hostile archives are refused by name before any of them is', async () => {
    const good = { name: 'a.hl7', content: Buffer.from(messageOf('1')) };
    const zeros = Buffer.alloc(50_000_000);
    const hostile = {
      ZIP_RATIO: zipOf([good, { name: 'bomb', content: zeros }]),
      ZIP_NAME_UNSAFE: zipOf([good, { name: '../../etc/passwd', content: good.content }]),
      ZIP_ENCRYPTED: zipOf([good, { ...good, flags: 1 }]),
      ZIP_NESTED: zipOf([good, { name: 'inner.zip', content: zipOf([good]) }]),
      ZIP_DAMAGED: zipOf([good, { ...good, sum: 7 }]),
      ZIP_TOO_MANY_FILES: zipOf(
        Array.from({ length: 10_001 }, (_, n) => ({ name: `${n}`, content: Buffer.alloc(0) })),
      ),
      ZIP_EMPTY: zipOf([]),
    };
    for (const [code, bytes] of Object.entries(hostile)) put(`${code}.zip`, bytes);
    put('LIE.zip', zipOf([good, { name: 'lie', content: zeros, size: 10 }]));
    await start();
    for (const code of Object.keys(hostile)) {
      await arrives('error', `${code}.zip`);
      expect(report('error', `${code}.zip`)).toMatchObject({ error: { code }, units: 0 });
    }
    await arrives('error', 'LIE.zip');
    expect(report('error', 'LIE.zip')).toMatchObject({ error: { code: 'ZIP_DAMAGED' } });
    expect(journal.stored).toEqual([]);
    put('good.zip', zipOf([good, { name: 'b/b.hl7', content: Buffer.from(messageOf('2')) }]));
    await arrives('archive', 'good.zip');
    expect(journal.stored).toEqual(['1', '2']);
    expect(report('archive', 'good.zip')).toMatchObject({ entries: 2, units: 2 });
  });

  test('a folder that is not there is trouble that is told, and is used as soon as it is there', async () => {
    rmSync(path, { recursive: true });
    await start();
    await until(() => source?.trouble()?.includes('make the folder') === true, 'the trouble is told');
    mkdirSync(path);
    put('a.hl7', messageOf('1'));
    await arrives('archive', 'a.hl7');
    await until(() => source?.trouble() === undefined, 'the trouble is over');
  });
});

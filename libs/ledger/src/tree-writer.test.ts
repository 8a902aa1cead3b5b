import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemRandom } from '#kernel';
import { hashLeaf, NoteSigner, openCheckpoint, Tree } from '#merkle';
import { LedgerDirectory } from './ledger-directory.js';
import { TreeWriter } from './tree-writer.js';

const signer = NoteSigner.generate('log.example/test', Buffer.alloc(32, 1));
let path: string;
let directory: LedgerDirectory;

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'tree-'));
  directory = new LedgerDirectory(path);
  await directory.own(systemRandom);
});

afterEach(() => rmSync(path, { recursive: true }));

const entries = (first: number, end: number): Buffer[] =>
  Array.from({ length: end - first }, (_, at) => Buffer.from(`entry ${first + at}`));

function rootOf(size: number): Buffer {
  const tree = new Tree();
  for (const entry of entries(0, size)) tree.append(hashLeaf(entry));
  return tree.root();
}

async function restored(): Promise<TreeWriter> {
  const opened = openCheckpoint((await directory.readCheckpoint()) ?? '', signer.verifier);
  return TreeWriter.restore(directory, signer, opened.opened ? opened.checkpoint : undefined);
}

const names = (folder: string): string[] => readdirSync(join(path, folder));

describe('tree writer', () => {
  test('the files are those of C2SP tlog-tiles, and partial tiles give way to full ones', async () => {
    const writer = await restored();
    await writer.append(entries(0, 200));
    expect(names('tile/0/000.p')).toEqual(['200']);
    const head = await writer.append(entries(200, 65_600));
    expect(head).toMatchObject({ origin: 'log.example/test', size: 65_600, root: rootOf(65_600) });
    expect(readFileSync(join(path, 'checkpoint'), 'utf8')).toBe(head.note);
    expect(statSync(join(path, 'tile/0/255')).size).toBe(8192);
    expect(statSync(join(path, 'tile/1/000')).size).toBe(8192);
    expect(statSync(join(path, 'tile/2/000.p/1')).size).toBe(32);
    expect(names('tile/0').filter((name) => name.endsWith('.p'))).toEqual(['256.p']);
    expect(names('tile/0/256.p')).toEqual(['64']);
    expect(names('tile/1')).toEqual(['000']);
    expect(names('tile/entries').length).toBe(257);
    const all = readdirSync(path, { recursive: true, encoding: 'utf8' });
    expect(all.filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test('any cut into batches, with a restart between them, makes the same tree', async () => {
    let size = 0;
    for (const end of [1, 2, 255, 256, 257, 511, 513, 1024]) {
      const writer = await restored();
      expect(writer.head.size).toBe(size);
      const head = await writer.append(entries(size, end));
      expect(head.root).toEqual(rootOf(end));
      size = end;
    }
  });

  test('a full tile that a checkpoint covers is never written again', async () => {
    await (await restored()).append(entries(0, 300));
    const before = statSync(join(path, 'tile/0/000')).mtimeMs;
    const inode = statSync(join(path, 'tile/0/000')).ino;
    await (await restored()).append(entries(300, 900));
    expect(statSync(join(path, 'tile/0/000')).mtimeMs).toBe(before);
    expect(statSync(join(path, 'tile/0/000')).ino).toBe(inode);
  });

  test('a tree that does not begin with the signed one is not signed', async () => {
    const writer = await restored();
    const { note } = await writer.append(entries(0, 3));
    const tile = join(path, 'tile/0/000.p/4');
    // Another writer's tile appears where this one has just written its own.
    const write = directory.writeAll.bind(directory);
    directory.writeAll = async (files) => {
      await write(files);
      writeFileSync(tile, Buffer.alloc(4 * 32, 9));
    };
    await expect(writer.append(entries(3, 4))).rejects.toMatchObject({ code: 'LEDGER_TREE_DISAGREES' });
    expect(await directory.readCheckpoint()).toBe(note);
  });

  test('a root that was signed before must come past again', async () => {
    const writer = await restored();
    const known = new Map([[5, Buffer.alloc(32)]]);
    await expect(writer.append(entries(0, 10), known)).rejects.toMatchObject({
      code: 'LEDGER_TREE_DISAGREES',
    });
    expect(names('.')).toEqual(['owner']);
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openCheckpoint } from './checkpoint.js';
import { hashLeaf } from './hash.js';
import { openNote } from './note.js';
import { NoteVerifier } from './note-keys.js';
import { proveConsistency, proveInclusion } from './prove.js';
import { decodeBundle, tileHashReader, tilePath } from './tiles.js';
import { Tree } from './tree.js';
import { verifyConsistency, verifyInclusion } from './verify-proof.js';

const vectors = resolve('..', 'shared', 'vectors');
// The published vectors lie beside the repository, not in it: where they are absent, our own facts must do.
const describeVectors = existsSync(vectors) ? describe : describe.skip;

function jsonFiles(folder: string): string[] {
  const files = readdirSync(resolve(vectors, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((name) => name.endsWith('.json')).map((name) => resolve(vectors, folder, name));
}

interface Vector {
  readonly leafIdx: string;
  readonly treeSize: string;
  readonly size1: string;
  readonly size2: string;
  readonly leafHash: string;
  readonly root: string;
  readonly root1: string;
  readonly root2: string;
  readonly proof: string[] | null;
  readonly wantErr: boolean;
}

/** Some sizes exceed 2^53, so every number is read as text. */
function readVector(path: string): Vector {
  return JSON.parse(readFileSync(path, 'utf8').replace(/: (\d+)/g, ': "$1"')) as Vector;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

describeVectors('published vectors', () => {
  test('inclusion proofs of RFC 6962 are judged as published', () => {
    const files = jsonFiles('rfc6962-merkle/inclusion');
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) {
      const { leafIdx, treeSize, leafHash, root, proof, wantErr } = readVector(file);
      const claim = {
        index: BigInt(leafIdx),
        size: BigInt(treeSize),
        leafHash: bytes(leafHash),
        root: bytes(root),
        proof: (proof ?? []).map(bytes),
      };
      expect([file, verifyInclusion(claim)]).toEqual([file, !wantErr]);
    }
  });

  test('consistency proofs of RFC 6962 are judged as published', () => {
    const files = jsonFiles('rfc6962-merkle/consistency');
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) {
      const { size1, size2, root1, root2, proof, wantErr } = readVector(file);
      const claim = {
        oldSize: BigInt(size1),
        size: BigInt(size2),
        oldRoot: bytes(root1),
        root: bytes(root2),
        proof: (proof ?? []).map(bytes),
      };
      expect([file, verifyConsistency(claim)]).toEqual([file, !wantErr]);
    }
  });

  test('the example of C2SP signed-note opens with its key', () => {
    const note = readFileSync(resolve(vectors, 'c2sp-signed-note/note.txt'), 'utf8');
    const key = NoteVerifier.parse(
      readFileSync(resolve(vectors, 'c2sp-signed-note/vkey.txt'), 'utf8').trim(),
    );
    if (key === undefined) throw new Error('the published key does not parse');
    expect(openNote(note, [key])).toMatchObject({ opened: true, text: 'This is an example message.\n' });
    expect(openNote(note.replace('an', 'no'), [key])).toEqual({ opened: false, reason: 'bad-signature' });
  });

  test('a log that another implementation wrote opens, and its tiles, bundles and roots agree', async () => {
    const log = resolve(vectors, 'tlog-tiles-tessera');
    const key = NoteVerifier.parse(readFileSync(resolve(log, 'vkey.txt'), 'utf8').trim());
    if (key === undefined) throw new Error('the published key does not parse');
    const heads = Array.from({ length: 11 }, (_, size) => {
      const opened = openCheckpoint(readFileSync(resolve(log, `checkpoint.${size}`), 'utf8'), key);
      if (!opened.opened) throw new Error(`checkpoint ${size}: ${opened.reason}`);
      expect(opened.checkpoint.size).toBe(size);
      return opened.checkpoint;
    });
    for (const { size, root } of heads.slice(1)) {
      const tile = readFileSync(resolve(log, tilePath(0, 0, size)));
      const entries = decodeBundle(readFileSync(resolve(log, tilePath('entries', 0, size)))) ?? [];
      expect(Buffer.concat(entries.map(hashLeaf))).toEqual(tile);
      const tree = new Tree();
      for (const entry of entries) tree.append(hashLeaf(entry));
      expect(tree.root()).toEqual(root);
      const read = tileHashReader(size, async () => tile);
      for (const old of heads.slice(1, size + 1)) {
        const proof = await proveConsistency(old.size, size, read);
        expect(verifyConsistency({ oldSize: old.size, oldRoot: old.root, size, root, proof })).toBe(true);
      }
      for (const [index, entry] of entries.entries()) {
        const proof = await proveInclusion(index, size, read);
        expect(verifyInclusion({ index, size, leafHash: hashLeaf(entry), root, proof })).toBe(true);
      }
    }
  });
});

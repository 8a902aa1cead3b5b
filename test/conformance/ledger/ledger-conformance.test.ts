import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatTlogProof, proveConsistency, proveInclusion, tileHashReader, tilePath } from '#merkle';
import { growFileLog } from '../../../libs/ledger/testing/file-log.js';

/** Where Debian's golang-golang-x-mod-dev puts its sources: nothing is downloaded. */
const GO_SOURCES = '/usr/share/gocode';
const GO = 'go';
const program = join('test', 'conformance', 'ledger', 'verify-log.go');
const sizes = [1, 2, 255, 256, 257, 1_000, 65_536, 65_537, 70_000];

function goIsHere(): boolean {
  try {
    execFileSync(GO, ['version'], { stdio: 'ignore' });
    return existsSync(join(GO_SOURCES, 'src/golang.org/x/mod/sumdb/tlog'));
  } catch {
    return false; // no `go` on the path
  }
}

// The independent verifier is a Go program: it needs Debian's packages golang-go and golang-golang-x-mod-dev.
const describeWithGo = goIsHere() ? describe : describe.skip;

describeWithGo('our log, read by golang.org/x/mod/sumdb', () => {
  let folder: string;
  let binary: string;
  let log: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'conformance-'));
    binary = join(folder, 'verify-log');
    log = join(folder, 'log');
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: GO_SOURCES, GOFLAGS: '' };
    await promisify(execFile)(GO, ['build', '-o', binary, program], {
      env: { ...env, GOCACHE: join(tmpdir(), 'suture-go-cache') },
    });
    await writeLog();
  }, 180_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function writeLog(): Promise<void> {
    const heads = await growFileLog(log, sizes);
    mkdirSync(join(log, 'proofs'));
    mkdirSync(join(log, 'growth'));
    const full = 70_000;
    const read = tileHashReader(full, async (level, index, width) =>
      readFileSync(join(log, tilePath(level, index, width))),
    );
    for (const { size, note } of heads) {
      for (const index of new Set([
        0,
        1,
        254,
        255,
        256,
        257,
        65_535,
        65_536,
        size >> 1,
        size - 2,
        size - 1,
      ])) {
        if (index < 0 || index >= size) continue;
        const hashes = await proveInclusion(index, size, read);
        const proof = formatTlogProof({ index, hashes, checkpoint: note });
        writeFileSync(join(log, 'proofs', `${size}-${index}`), proof);
      }
      for (const old of sizes.filter((before) => before <= size)) {
        const proof = await proveConsistency(old, size, read);
        const lines = proof.map((hash) => hash.toString('base64'));
        writeFileSync(join(log, 'growth', `${old}-${size}`), lines.join('\n'));
      }
    }
  }

  const verify = async (): Promise<string> => {
    const { stdout } = await promisify(execFile)(binary, [log]).catch((error: { stderr: string }) => ({
      stdout: `refused: ${error.stderr}`,
    }));
    return stdout.trim();
  };

  test('it opens our heads, computes their roots and accepts our proofs at every size', async () => {
    expect(await verify()).toBe('9 heads, 57 inclusion proofs, 45 consistency proofs');
  });

  test.each([
    ['a tile', 'tile/0/000', 5],
    ['an upper tile', 'tile/1/000', 40],
    ['an entry bundle', 'tile/entries/000', 60],
    ['a head', 'heads/257', 30],
    ['an inclusion proof', 'proofs/257-0', 60],
    ['a consistency proof', 'growth/255-257', 3],
  ])('it refuses the log when one byte of %s is altered', async (_what, file, offset) => {
    const path = join(log, file);
    const bytes = readFileSync(path);
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(offset) ^ 1, offset);
    writeFileSync(path, altered);
    expect(await verify()).toMatch(/^refused: /);
    writeFileSync(path, bytes);
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClientFolder } from './client-folder.js';

let root: string;
let directory: string;
let nowMs = 0;
let told: string[][] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'suture-clients-'));
  directory = join(root, 'clients');
  mkdirSync(directory);
  [nowMs, told] = [1_000_000, []];
});
afterEach(() => rmSync(root, { recursive: true }));

const key = (kid: string) =>
  JSON.stringify({
    keys: [
      { ...generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }), kid },
    ],
  });
const write = (name: string, scopes: string, keys: string) =>
  writeFileSync(
    join(directory, name),
    `client: ${name.split('.')[0] ?? ''}\nscopes: ${scopes}\nkeys: ${keys}\n`,
  );
const open = () =>
  new ClientFolder(directory, { nowMs: () => nowMs }, (problems) =>
    told.push(problems.map(({ code }) => code)),
  );

/** What is registered a second later: names with their scopes and keys. */
async function later(folder: ClientFolder): Promise<string[]> {
  nowMs += 1_000;
  return [...(await folder.current()).values()].map(
    ({ id, scopes, keys }) =>
      `${id} ${scopes.map(({ permissions }) => permissions).join()} ${[...keys.keys()].join()}`,
  );
}

describe('a folder of clients', () => {
  test('is read again when a file comes, changes or goes', async () => {
    const folder = open();
    expect(await later(folder)).toEqual([]);
    write('a.yaml', '[system/*.rs]', key('k1'));
    expect(await later(folder)).toEqual(['a rs k1']);
    write('a.yaml', '[system/*.cruds]', key('k1'));
    expect(await later(folder)).toEqual(['a cruds k1']);
    write('b.yml', '[system/*.r]', key('k2'));
    expect(await later(folder)).toEqual(['a cruds k1', 'b r k2']);
    rmSync(join(directory, 'a.yaml'));
    expect(await later(folder)).toEqual(['b r k2']);
    renameSync(directory, `${directory}-away`);
    expect(await later(folder)).toEqual([]);
  });

  test('is read again when a file of keys changes that a client names', async () => {
    const keys = join(root, 'a.jwks.json');
    writeFileSync(keys, key('old'));
    write('a.yaml', '[system/*.rs]', 'file:../a.jwks.json');
    const folder = open();
    expect(await later(folder)).toEqual(['a rs old']);
    writeFileSync(keys, key('new'));
    expect(await later(folder)).toEqual(['a rs new']);
    rmSync(keys);
    expect(await later(folder)).toEqual([]);
    expect(told.at(-1)).toEqual(['CLIENT_FILE_UNREADABLE']);
    writeFileSync(keys, key('again'));
    expect(await later(folder)).toEqual(['a rs again']);
  });

  test('registers nobody by a file with a mistake, and says so once', async () => {
    write('a.yaml', '[system/*.rs]', key('k1'));
    const folder = open();
    expect(await later(folder)).toEqual(['a rs k1']);
    write('a.yaml', '[patient/*.rs]', key('k1'));
    expect(await later(folder)).toEqual([]);
    expect(await later(folder)).toEqual([]);
    expect(told).toEqual([['CLIENT_VALUE_WRONG']]);
    expect(folder.problems).toHaveLength(1);
  });

  test('is looked at once a second, and gives the same clients while nothing changes', async () => {
    write('a.yaml', '[system/*.rs]', key('k1'));
    const folder = open();
    const first = await folder.current();
    write('a.yaml', '[system/*.r]', key('k1'));
    nowMs += 999;
    expect(await folder.current()).toBe(first);
    nowMs += 1;
    const second = await folder.current();
    expect(second).not.toBe(first);
    nowMs += 5_000;
    expect(await folder.current()).toBe(second);
    // A clock that is set back.
    write('a.yaml', '[system/*.c]', key('k1'));
    nowMs -= 60_000;
    expect(await folder.current()).not.toBe(second);
  });
});

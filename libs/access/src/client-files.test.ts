import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadClients } from './client-files.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'suture-clients-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1' };
const secret = { ...pair.privateKey.export({ format: 'jwk' }), kid: 'k1' };
const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const yaml = (keys: unknown, client = 'warehouse', scopes = '[system/Patient.rs]') =>
  `client: ${client}\nscopes: ${scopes}\nkeys: ${typeof keys === 'string' ? keys : JSON.stringify(keys)}\n`;

describe('client files', () => {
  test('keys stand in the file, or in one beside it', () => {
    write('a.yaml', yaml({ keys: [jwk] }));
    write('b.yaml', yaml('file:b.jwks.json', 'other', '[system/*.read, system/Subscription.cruds]'));
    write('b.jwks.json', JSON.stringify({ keys: [{ ...jwk, alg: 'ES384', use: 'sig' }] }));
    const { clients, problems } = loadClients(directory);
    expect(problems).toEqual([]);
    expect([...clients.keys()]).toEqual(['warehouse', 'other']);
    expect(clients.get('other')?.scopes).toEqual([
      { type: '*', permissions: 'rs' },
      { type: 'Subscription', permissions: 'cruds' },
    ]);
    expect([...(clients.get('other')?.keys.keys() ?? [])]).toEqual(['k1']);
  });

  test('without the folder there are no clients, and no problem', () => {
    expect(loadClients(join(directory, 'none'))).toEqual({
      clients: new Map(),
      problems: [],
      keyFiles: [],
    });
  });

  test.each([
    ['no YAML', 'client: [', 'CLIENT_FILE_MALFORMED', 1],
    ['a list', '- a', 'CLIENT_FILE_MALFORMED', 1],
    ['an unknown key', `${yaml({ keys: [jwk] })}secret: x\n`, 'CLIENT_KEY_UNKNOWN', 4],
    ['a scope of patients', yaml({ keys: [jwk] }, 'a', '[patient/*.rs]'), 'CLIENT_VALUE_WRONG', 2],
    ['no scopes', yaml({ keys: [jwk] }, 'a', '[]'), 'CLIENT_VALUE_WRONG', 2],
    ['no name', yaml({ keys: [jwk] }, '"a b"'), 'CLIENT_VALUE_WRONG', 1],
    ['a secret key', yaml({ keys: [secret] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['a symmetric key', yaml({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'k' }] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['no kid', yaml({ keys: [{ ...jwk, kid: undefined }] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['two keys of one kid', yaml({ keys: [jwk, jwk] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['another algorithm', yaml({ keys: [{ ...jwk, alg: 'ES256' }] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['another curve', yaml({ keys: [weak('ec')] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['a short RSA key', yaml({ keys: [weak('rsa')] }), 'CLIENT_KEY_UNUSABLE', 3],
    ['a file that is not there', yaml('file:none.json'), 'CLIENT_FILE_UNREADABLE', 3],
    ['an address', yaml('https://example.org/jwks'), 'CLIENT_KEY_UNUSABLE', 3],
    [
      'a list of too many scopes',
      yaml({ keys: [jwk] }, 'many', `[${Array(201).fill('system/Patient.rs').join()}]`),
      'CLIENT_VALUE_WRONG',
      2,
    ],
  ])('%s is a problem with its place and a remedy, and costs no other client', (_, text, code, line) => {
    write('bad.yaml', text);
    write('good.yaml', yaml({ keys: [jwk] }, 'good'));
    const { clients, problems } = loadClients(directory);
    expect([...clients.keys()]).toEqual(['good']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: join(directory, 'bad.yaml'), line, code });
    expect(problems[0]?.remedy).not.toBe('');
    expect(JSON.stringify(problems)).not.toContain(secret.d);
  });

  test('a client that stands twice is the first one', () => {
    write('a.yaml', yaml({ keys: [jwk] }));
    write('b.yaml', yaml({ keys: [jwk] }, 'warehouse', '[system/*.cruds]'));
    const { clients, problems } = loadClients(directory);
    expect(clients.get('warehouse')?.scopes).toEqual([{ type: 'Patient', permissions: 'rs' }]);
    expect(problems).toMatchObject([{ file: join(directory, 'b.yaml'), code: 'CLIENT_TWICE' }]);
  });
});

function weak(kind: 'ec' | 'rsa'): object {
  const { publicKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 1024 });
  return { ...publicKey.export({ format: 'jwk' }), kid: 'weak' };
}

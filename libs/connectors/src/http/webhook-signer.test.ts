import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebhookSigner } from './webhook-signer.js';

const clock = { now: 1_700_000_000_999, nowMs: () => clock.now };
const keyOf = (byte: number) => `whsk_${Buffer.alloc(32, byte).toString('base64')}`;
let folder: string;
let signer: WebhookSigner;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-webhooks-'));
  signer = new WebhookSigner(folder, clock);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a receiver does (Standard Webhooks 1.0, verifying signatures). */
function isGenuine(headers: readonly string[], body: string, publicKey: string): boolean {
  const value = (name: string) => headers[headers.indexOf(name) + 1] ?? '';
  const raw = Buffer.from(publicKey.replace('whpk_', ''), 'base64');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  });
  const content = Buffer.from(`${value('webhook-id')}.${value('webhook-timestamp')}.${body}`);
  return value('webhook-signature')
    .split(' ')
    .some((one) => one.startsWith('v1a,') && verify(null, content, key, Buffer.from(one.slice(4), 'base64')));
}

describe('signed webhooks', () => {
  test('a receiver with the public key accepts the body and no other', async () => {
    writeFileSync(join(folder, 'ehr'), `${keyOf(1)}\n`);
    const headers = await signer.headers('ehr', 'a/Subscription/x.y/1', '{"a":1}');
    const [publicKey = ''] = await signer.publicKeys('ehr');
    expect(isGenuine(headers, '{"a":1}', publicKey)).toBe(true);
    expect(isGenuine(headers, '{"a":2}', publicKey)).toBe(false);
    expect(headers.slice(2, 4)).toEqual(['webhook-timestamp', '1700000000']);
    expect(headers[1]).toMatch(/^msg_[\w-]{32}$/);
    expect((await signer.headers('ehr', 'a/Subscription/x.y/1', 'other'))[1]).toBe(headers[1]);
  });

  test('while keys change, receivers with the old and the new one accept; afterwards only those with the new', async () => {
    writeFileSync(join(folder, 'ehr'), keyOf(1));
    const [old = ''] = await signer.publicKeys('ehr');
    writeFileSync(join(folder, 'ehr'), `${keyOf(2)}\n${keyOf(1)}\n`);
    clock.now += 10_000;
    const [next = ''] = await signer.publicKeys('ehr');
    const both = await signer.headers('ehr', 'id', 'body');
    expect([isGenuine(both, 'body', old), isGenuine(both, 'body', next)]).toEqual([true, true]);
    writeFileSync(join(folder, 'ehr'), keyOf(2));
    clock.now += 10_000;
    const after = await signer.headers('ehr', 'id', 'body');
    expect([isGenuine(after, 'body', old), isGenuine(after, 'body', next)]).toEqual([false, true]);
  });

  test('a key that is missing, malformed or outside the folder is told without its content', async () => {
    const message = async (key: string, from = signer) => {
      const error = await from.headers(key, 'id', 'body').catch((thrown: unknown) => thrown);
      return String(error);
    };
    writeFileSync(join(folder, 'short'), 'whsk_c2VjcmV0');
    writeFileSync(join(folder, 'three'), [keyOf(1), keyOf(2), keyOf(3)].join('\n'));
    expect(await message('short')).toMatch(/no Ed25519 key.*whsk_/);
    expect(await message('short')).not.toContain('c2VjcmV0');
    expect(await message('three')).toContain('3 lines');
    expect(await message('../short')).toContain('no name of a key');
    expect(await message('none')).toContain('reading the secret');
    expect(await message('ehr', new WebhookSigner(undefined))).toContain('SUTURE_WEBHOOK_KEYS');
  });
});

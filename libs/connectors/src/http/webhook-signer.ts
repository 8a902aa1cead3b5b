import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, EngineError, systemClock } from '#kernel';
import { SecretFile } from './secret-file.js';

/** An Ed25519 seed as PKCS #8 (RFC 8410, section 7) begins with these bytes. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_ED25519_BYTES = 12;
/** Names of keys are names of files: nothing that leads out of the folder. */
const WEBHOOK_KEY_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** The new key and the one before it. */
const MAX_KEYS = 2;
const MAX_NAMES = 10_000;

/**
 * Signs webhooks as Standard Webhooks 1.0 says (asymmetric scheme, `v1a`). A key is a file of the key folder with one or
 * two lines `whsk_...`; with two, both sign, so receivers change the public key when it suits them. Files are read again
 * every 10 s.
 */
export class WebhookSigner {
  private readonly files = new Map<string, SecretFile>();

  constructor(
    private readonly directory: string | undefined,
    private readonly clock: Clock = systemClock,
  ) {}

  /** The headers (name, value, ...) that sign `body`. `id` stays the same at every attempt. `misconfigured` WEBHOOK_KEY_UNUSABLE, SECRET_UNREADABLE. */
  async headers(key: string, id: string, body: string | Buffer): Promise<string[]> {
    const keys = await this.keys(key);
    // The id must not hold a full stop, or one signature could fit two messages.
    const messageId = `msg_${createHash('sha256').update(id).digest('base64url').slice(0, 32)}`;
    const timestamp = String(Math.floor(this.clock.nowMs() / 1_000));
    const content = Buffer.concat([Buffer.from(`${messageId}.${timestamp}.`), Buffer.from(body)]);
    const signatures = keys.map((one) => `v1a,${sign(null, content, one).toString('base64')}`);
    return [
      'webhook-id',
      messageId,
      'webhook-timestamp',
      timestamp,
      'webhook-signature',
      signatures.join(' '),
    ];
  }

  /** What receivers check with: `whpk_...` for each key of that name. */
  async publicKeys(key: string): Promise<string[]> {
    return (await this.keys(key)).map((one) => {
      const spki = createPublicKey(one).export({ format: 'der', type: 'spki' });
      return `whpk_${spki.subarray(SPKI_ED25519_BYTES).toString('base64')}`;
    });
  }

  private async keys(name: string): Promise<KeyObject[]> {
    if (this.directory === undefined) {
      throw unusable('no folder of webhook keys is configured', 'set SUTURE_WEBHOOK_KEYS');
    }
    if (!WEBHOOK_KEY_NAME.test(name)) throw unusable('this is no name of a key', 'use a-z, 0-9, - and _');
    let file = this.files.get(name);
    if (file === undefined) {
      file = new SecretFile(join(this.directory, name), this.clock);
      if (this.files.size >= MAX_NAMES) this.files.clear();
      this.files.set(name, file);
    }
    const lines = (await file.read()).split(/\s+/).filter((line) => line !== '');
    if (lines.length === 0 || lines.length > MAX_KEYS) {
      throw unusable(`the key '${name}' has ${lines.length} lines`, 'write one or two lines whsk_...');
    }
    return lines.map((line) => privateKey(name, line));
  }
}

/** A secret key is the seed, or seed and public key (64 bytes), in base64. */
function privateKey(name: string, line: string): KeyObject {
  const bytes = line.startsWith('whsk_') ? Buffer.from(line.slice(5), 'base64') : Buffer.alloc(0);
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw unusable(`a line of the key '${name}' is no Ed25519 key`, 'write whsk_ and its 32 bytes in base64');
  }
  const der = Buffer.concat([PKCS8_ED25519, bytes.subarray(0, 32)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function unusable(message: string, remedy: string): EngineError {
  return new EngineError('misconfigured', 'WEBHOOK_KEY_UNUSABLE', `${message}; ${remedy}`);
}

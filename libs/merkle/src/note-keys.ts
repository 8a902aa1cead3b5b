import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { decodeBase64 } from './strict-base64.js';

/** C2SP signed-note, section Signature types: plain Ed25519. */
const ED25519_TYPE = 0x01;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const PRIVATE_MARK = 'PRIVATE+KEY+';
// What DER puts before the 32 bytes of an Ed25519 key (RFC 8410): node:crypto takes raw keys only so.
const privateDer = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicDer = Buffer.from('302a300506032b6570032100', 'hex');

/** A key that checks signatures of notes, written `name+id+key`: eight hex digits, then base64 of type and key. */
export class NoteVerifier {
  private readonly key: KeyObject;
  /** The first four bytes of each signature by this key. */
  readonly id: Buffer;

  private constructor(
    readonly name: string,
    private readonly publicKey: Buffer,
  ) {
    this.id = keyId(name, publicKey);
    this.key = createPublicKey({ key: Buffer.concat([publicDer, publicKey]), format: 'der', type: 'spki' });
  }

  /** Reads `name+id+key`; undefined when it is none, is of another signature type, or its id does not fit. */
  static parse(text: string): NoteVerifier | undefined {
    const parts = parseKey(text);
    if (parts === undefined) return undefined;
    const verifier = new NoteVerifier(parts.name, parts.key);
    return verifier.id.toString('hex') === parts.id ? verifier : undefined;
  }

  /** True if `signature` is this key's over `text`. */
  verify(text: string, signature: Buffer): boolean {
    return verify(null, Buffer.from(text), this.key, signature);
  }

  toString(): string {
    return formatKey(this.name, this.id, this.publicKey);
  }
}

/** A key that signs notes, written `PRIVATE+KEY+name+id+seed`. Its text is secret. */
export class NoteSigner {
  private readonly key: KeyObject;
  readonly verifier: NoteVerifier;

  private constructor(
    readonly name: string,
    private readonly seed: Buffer,
  ) {
    this.key = createPrivateKey({ key: Buffer.concat([privateDer, seed]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.key).export({ format: 'der', type: 'spki' });
    const publicKey = spki.subarray(publicDer.length);
    const verifier = NoteVerifier.parse(formatKey(name, keyId(name, publicKey), publicKey));
    if (verifier === undefined)
      throw new Error('a key name must not be empty or hold a space, a plus or a line end');
    this.verifier = verifier;
  }

  /** A new key for `name`; throws when the name cannot stand in a note. */
  static generate(name: string, seed: Buffer = randomBytes(KEY_BYTES)): NoteSigner {
    return new NoteSigner(name, seed);
  }

  /** Reads `PRIVATE+KEY+name+id+seed`; undefined when it is none or its id does not fit. */
  static parse(text: string): NoteSigner | undefined {
    if (!text.startsWith(PRIVATE_MARK)) return undefined;
    const parts = parseKey(text.slice(PRIVATE_MARK.length));
    if (parts === undefined) return undefined;
    const signer = new NoteSigner(parts.name, parts.key);
    return signer.verifier.id.toString('hex') === parts.id ? signer : undefined;
  }

  /** Ed25519 over the text as it is (RFC 8032: the same text always gets the same signature). */
  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.key);
  }

  /** The secret text; write it only to a file nobody else can read. */
  secret(): string {
    return PRIVATE_MARK + formatKey(this.name, this.verifier.id, this.seed);
  }
}

/** C2SP signed-note: not empty, no Unicode space, no plus. */
export function isKeyName(name: string): boolean {
  return name !== '' && !/[\s\u0085+]/u.test(name);
}

/** SHA-256(name, line feed, type, key), its first four bytes. */
function keyId(name: string, publicKey: Buffer): Buffer {
  const hash = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519_TYPE]))
    .update(publicKey);
  return hash.digest().subarray(0, KEY_ID_BYTES);
}

function formatKey(name: string, id: Buffer, key: Buffer): string {
  const typed = Buffer.concat([Buffer.from([ED25519_TYPE]), key]);
  return `${name}+${id.toString('hex')}+${typed.toString('base64')}`;
}

function parseKey(text: string): { name: string; id: string; key: Buffer } | undefined {
  // The key itself may hold a plus, so only the first two part the text.
  const afterName = text.indexOf('+');
  const afterId = text.indexOf('+', afterName + 1);
  if (afterName < 0 || afterId < 0) return undefined;
  const name = text.slice(0, afterName);
  const id = text.slice(afterName + 1, afterId);
  const typed = decodeBase64(text.slice(afterId + 1));
  if (!isKeyName(name) || !/^[0-9a-f]{8}$/.test(id)) return undefined;
  if (typed?.length !== KEY_BYTES + 1 || typed[0] !== ED25519_TYPE) return undefined;
  return { name, id, key: typed.subarray(1) };
}

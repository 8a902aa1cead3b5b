import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

const MAX_KEYS = 20;
const MIN_RSA_BITS = 2048;
/** Members of private and symmetric keys (RFC 7518, section 6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

export interface KeyMistake {
  readonly message: string;
  readonly remedy: string;
}

/** The public keys of a JWK Set (RFC 7517) by `kid`: P-384 for ES384, RSA of at least 2048 bits for RS384. Says what is wrong, never the key. */
export function publicKeysOf(jwks: unknown): {
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly mistakes: readonly KeyMistake[];
} {
  const keys = new Map<string, KeyObject>();
  const mistakes: KeyMistake[] = [];
  const listed: unknown = isObject(jwks) ? jwks['keys'] : undefined;
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MAX_KEYS) {
    const remedy = 'write a JWK Set, { "keys": [...] }, or file: and the path of one';
    mistakes.push({ message: `keys are no JWK Set of 1 to ${MAX_KEYS} keys`, remedy });
    return { keys, mistakes };
  }
  for (const [index, jwk] of (listed as unknown[]).entries()) {
    const key = readKey(jwk, keys);
    if ('message' in key) mistakes.push({ ...key, message: `keys[${index}]: ${key.message}` });
    else keys.set(key.kid, key.key);
  }
  return { keys, mistakes };
}

function readKey(
  jwk: unknown,
  others: ReadonlyMap<string, KeyObject>,
): { kid: string; key: KeyObject } | KeyMistake {
  if (!isObject(jwk)) return { message: 'a key is an object', remedy: 'write a JWK' };
  if (secretMembers.some((name) => name in jwk))
    return {
      message: 'this is a secret key',
      remedy: 'write its public part only, and have the client make a new key',
    };
  const { kid, alg, kty } = jwk;
  if (typeof kid !== 'string' || kid === '' || others.has(kid))
    return { message: 'kid is missing, or stands twice', remedy: 'give each key a kid of its own' };
  const key = imported(jwk);
  const { namedCurve, modulusLength = 0 } = key?.asymmetricKeyDetails ?? {};
  const fits = kty === 'EC' ? namedCurve === 'secp384r1' : kty === 'RSA' && modulusLength >= MIN_RSA_BITS;
  const algorithm = kty === 'EC' ? 'ES384' : 'RS384';
  if (key === undefined || !fits || (alg !== undefined && alg !== algorithm)) {
    const remedy = 'take a key on P-384 for ES384, or an RSA key of at least 2048 bits for RS384';
    return { message: 'this key cannot be used', remedy };
  }
  return { kid, key };
}

function imported(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

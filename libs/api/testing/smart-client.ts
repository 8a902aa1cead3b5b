import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { type Client, parseScopes } from '#access';
import type { Answer, ApiServer } from './api-server.js';

const pairs = {
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RS384: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

/** A registered client with real keys. */
export class SmartClient {
  constructor(
    readonly id: string,
    readonly scopes: string,
    readonly algorithm: keyof typeof pairs = 'ES384',
  ) {}

  get registration(): Client {
    const { publicKey } = pairs[this.algorithm];
    return { id: this.id, scopes: parseScopes(this.scopes) ?? [], keys: new Map([['k1', publicKey]]) };
  }

  get privateKey(): KeyObject {
    return pairs[this.algorithm].privateKey;
  }

  /** A good assertion, but for what `claims`, `header` and `key` change; an undefined claim is left out. */
  async assertion(
    server: ApiServer,
    claims: Record<string, unknown> = {},
    { header = {}, key = this.privateKey }: { header?: Partial<JWTHeaderParameters>; key?: KeyObject } = {},
  ): Promise<string> {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const aud = `${server.origin}/auth/token`;
    const payload = { iss: this.id, sub: this.id, aud, exp, jti: randomUUID(), ...claims } as JWTPayload;
    return new SignJWT(payload)
      .setProtectedHeader({ alg: this.algorithm, kid: 'k1', typ: 'JWT', ...header })
      .sign(key);
  }

  /** Asks for a token with an assertion that is good, or with this one. */
  async ask(server: ApiServer, scope: string, assertion?: string): Promise<Answer> {
    return requestToken(server, { scope, client_assertion: assertion ?? (await this.assertion(server)) });
  }

  /** The headers of a request by this client. */
  async bearer(server: ApiServer, scope = this.scopes): Promise<{ authorization: string }> {
    const { access_token } = (await this.ask(server, scope)).json();
    return { authorization: `Bearer ${String(access_token)}` };
  }
}

/** One token request by form, complete but for what `fields` change; '' leaves a field out. */
export function requestToken(server: ApiServer, fields: Record<string, string>): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    ...fields,
  });
  for (const [name, value] of Object.entries(fields)) if (value === '') form.delete(name);
  const headers = { authorization: '', 'content-type': 'application/x-www-form-urlencoded' };
  return server.send('POST', '/auth/token', headers, form.toString());
}

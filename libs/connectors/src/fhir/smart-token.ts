import { importJWK, type JWK, SignJWT } from 'jose';
import { request } from 'undici';
import { type Clock, EngineError, type Random, systemRandom } from '#kernel';
import { SecretFile } from '../http/secret-file.js';

export interface SmartTokenOptions {
  readonly tokenUrl: string;
  readonly client: string;
  /** A private key as a JWK. */
  readonly keyFile: string;
  readonly scope: string;
}

const TIMEOUT_MS = 10_000;
const ASSERTION_LIVES_S = 300;
/** A token is not used in its last seconds: it must last until the server has read the request. */
const SPARE_MS = 30_000;
/** Where the server does not say how long it lasts. */
const DEFAULT_LIFE_S = 60;
const MAX_ANSWER_CHARACTERS = 64 * 1024;
/** Of RFC 6749, section 5.2. */
const OAUTH_ERROR = /^(invalid_(request|client|grant|scope)|unauthorized_client|unsupported_grant_type)$/;

/** The access token of a client of SMART Backend Services (SMART App Launch 2.2), asked for when it is needed. */
export class SmartToken {
  private readonly key: SecretFile;
  private asked: Promise<string> | undefined;
  private untilMs = 0;

  constructor(
    private readonly options: SmartTokenOptions,
    private readonly clock: Clock,
    private readonly random: Random = systemRandom,
  ) {
    this.key = new SecretFile(options.keyFile, clock);
  }

  /** The value of an Authorization header. Rejects `misconfigured` or `unavailable`. */
  read(): Promise<string> {
    if (this.asked === undefined || this.clock.nowMs() >= this.untilMs) {
      this.untilMs = Number.POSITIVE_INFINITY;
      const asked = this.ask();
      this.asked = asked;
      asked.catch(() => {
        // Whoever asked sees the error; the next one asks anew.
        if (this.asked === asked) this.forget();
      });
    }
    return this.asked;
  }

  /** The server did not take it. */
  forget(): void {
    this.asked = undefined;
  }

  private async ask(): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: this.options.scope,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await this.assertion(),
    });
    const { status, answer } = await post(this.options.tokenUrl, form.toString());
    const token = answer['access_token'];
    if (status !== 200 || typeof token !== 'string') throw refusal(status, answer['error']);
    const seconds = Number(answer['expires_in'] ?? DEFAULT_LIFE_S) || DEFAULT_LIFE_S;
    this.untilMs = this.clock.nowMs() + Math.max(seconds * 1_000 - SPARE_MS, 0);
    return `Bearer ${token}`;
  }

  private async assertion(): Promise<string> {
    const { client, tokenUrl, keyFile } = this.options;
    const text = await this.key.read();
    try {
      const jwk = JSON.parse(text) as JWK;
      const alg = jwk.alg ?? (jwk.kty === 'RSA' ? 'RS384' : 'ES384');
      const nowS = Math.floor(this.clock.nowMs() / 1_000);
      return await new SignJWT({ jti: this.random.bytes(16).toString('hex') })
        .setProtectedHeader({ alg, typ: 'JWT', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
        .setIssuer(client)
        .setSubject(client)
        .setAudience(tokenUrl)
        .setExpirationTime(nowS + ASSERTION_LIVES_S)
        .sign(await importJWK(jwk, alg));
    } catch {
      // Without the cause: it may repeat parts of the key.
      const message = `${keyFile} holds no private key as a JWK; write one of P-384 or RSA, with its kid`;
      throw new EngineError('misconfigured', 'SMART_KEY_UNUSABLE', message);
    }
  }
}

async function post(url: string, body: string): Promise<{ status: number; answer: Record<string, unknown> }> {
  try {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await request(url, { method: 'POST', headers, body, signal });
    let text = '';
    for await (const chunk of response.body) {
      text += String(chunk);
      if (text.length > MAX_ANSWER_CHARACTERS) break;
    }
    return { status: response.statusCode, answer: objectIn(text) };
  } catch (cause) {
    throw new EngineError('unavailable', 'SMART_TOKEN_UNREACHABLE', 'the token endpoint does not answer', {
      cause,
    });
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // the status says what became of the request
  }
}

function refusal(status: number, error: unknown): EngineError {
  const code = typeof error === 'string' && OAUTH_ERROR.test(error) ? `: ${error}` : '';
  return status >= 500 || status === 429
    ? new EngineError('unavailable', 'SMART_TOKEN_UNREACHABLE', `the token endpoint answers ${status}`)
    : new EngineError(
        'misconfigured',
        'SMART_TOKEN_REFUSED',
        `the token endpoint answers ${status}${code}; check client, key and scope`,
      );
}

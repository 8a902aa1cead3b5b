import { hash, type KeyObject } from 'node:crypto';
import type { Query } from '#database';
import { type Clock, EngineError, type Random } from '#kernel';
import type { Caller } from './caller.js';
import type { Client } from './client.js';
import { CLOCK_TOLERANCE_S, checkAssertion, invalidClient, mistrust } from './client-assertion.js';
import type { ClientSource } from './client-folder.js';
import { formatScopes, narrow, parseScopes } from './scope.js';

/** SMART App Launch 2.2, backend services: no more than five minutes. */
const TOKEN_LIFETIME_S = 300;
/** What is past is kept this much longer: clocks of processes differ. */
const KEEP_EXPIRED_MS = 3_600_000;
/** Tokens known without asking the database. */
const MAX_KNOWN = 10_000;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What a client gets (RFC 6749, section 5.1). */
export interface GrantedToken {
  readonly token: string;
  readonly lifetimeS: number;
  readonly scope: string;
}

interface TokenRow {
  readonly client: string;
  readonly scopes: string;
  /** Digest of the key of its client that it was asked for with. */
  readonly key: Buffer | null;
  readonly expires_at: Date;
}

/** A token that was found, and who holds it by the clients as they were then. */
interface KnownToken {
  readonly row: TokenRow;
  readonly clients: ReadonlyMap<string, Client>;
  readonly caller: Caller | undefined;
}

/**
 * SMART Backend Services: issues access tokens for signed assertions of registered clients, and knows them again. A token is random and
 * stored as a digest; an assertion is good once, whatever process is asked and however often the engine starts. Safe after a crash: an assertion
 * counts as used before its token exists. What is taken from a client - a scope, a key, all of it - is taken from its tokens.
 */
export class TokenService {
  private readonly known = new Map<string, KnownToken>();

  constructor(
    private readonly database: Query,
    private readonly clients: ClientSource,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /**
   * Answers the form of a token request (RFC 6749, section 4.4.2). Throws `denied` TOKEN_CLIENT_INVALID, `rejected` TOKEN_GRANT_UNSUPPORTED,
   * TOKEN_REQUEST_INVALID, TOKEN_SCOPE_INVALID.
   */
  async issue(form: URLSearchParams, audiences: readonly string[]): Promise<GrantedToken> {
    requireOnce(form);
    if (form.get('grant_type') !== 'client_credentials')
      throw refused('TOKEN_GRANT_UNSUPPORTED', 'grant_type is client_credentials');
    if (form.get('client_assertion_type') !== ASSERTION_TYPE)
      throw refused('TOKEN_REQUEST_INVALID', `client_assertion_type is ${ASSERTION_TYPE}`);
    const { clock } = this;
    const clients = await this.clients.current();
    const { client, key, jti, exp } = await checkAssertion(form.get('client_assertion') ?? '', {
      clients,
      audiences,
      clock,
    });
    if ((form.get('client_id') ?? client.id) !== client.id)
      throw invalidClient(mistrust('ASSERTION_CLIENT_OTHER', 'client_id is another than iss'));
    await this.useOnce(client, jti, exp);
    const asked = parseScopes(form.get('scope') ?? '');
    if (asked === undefined)
      throw refused('TOKEN_SCOPE_INVALID', 'scope is a list of system scopes, like system/Patient.rs');
    const scopes = narrow(asked, client.scopes);
    if (scopes.length === 0)
      throw refused('TOKEN_SCOPE_INVALID', 'none of these scopes is granted to this client');
    return this.store(client, key, formatScopes(scopes));
  }

  /** Who holds this token; undefined when it is unknown, past, or of a client or key that is registered no more. */
  async callerOf(token: string): Promise<Caller | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const digested = digest(token);
    const key = digested.toString('base64');
    const clients = await this.clients.current();
    const known = this.known.get(key);
    if (known?.clients === clients && !this.isPast(known.row)) return known.caller;
    const row = known?.row ?? (await this.find(digested));
    if (row === undefined || this.isPast(row)) {
      this.known.delete(key);
      return undefined;
    }
    const caller = holderOf(row, clients);
    this.remember(key, { row, clients, caller });
    return caller;
  }

  private isPast({ expires_at }: TokenRow): boolean {
    return expires_at.getTime() <= this.clock.nowMs();
  }

  private async find(digested: Buffer): Promise<TokenRow | undefined> {
    const [row] = await this.database.query<TokenRow>(
      'SELECT client, scopes, key, expires_at FROM access_token WHERE hash = $1',
      [digested],
      'find-access-token',
    );
    return row;
  }

  private remember(key: string, known: KnownToken): void {
    // The oldest goes: most of them are past.
    if (this.known.size >= MAX_KNOWN) this.known.delete(this.known.keys().next().value ?? '');
    this.known.set(key, known);
  }

  private async useOnce(client: Client, jti: string, exp: number): Promise<void> {
    await this.database.query('DELETE FROM client_assertion WHERE expires_at < $1', [this.longPast()]);
    const used = await this.database.query(
      `INSERT INTO client_assertion (client, jti, expires_at) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING RETURNING client`,
      [client.id, digest(jti), new Date((exp + CLOCK_TOLERANCE_S) * 1000)],
    );
    if (used.length === 0) throw invalidClient(mistrust('ASSERTION_USED', 'jti was used before'));
  }

  private async store(client: Client, key: KeyObject, scope: string): Promise<GrantedToken> {
    const token = this.random.bytes(32).toString('base64url');
    await this.database.query('DELETE FROM access_token WHERE expires_at < $1', [this.longPast()]);
    await this.database.query(
      'INSERT INTO access_token (hash, client, scopes, expires_at, key) VALUES ($1, $2, $3, $4, $5)',
      [
        digest(token),
        client.id,
        scope,
        new Date(this.clock.nowMs() + TOKEN_LIFETIME_S * 1000),
        digestOfKey(key),
      ],
    );
    return { token, lifetimeS: TOKEN_LIFETIME_S, scope };
  }

  private longPast(): Date {
    return new Date(this.clock.nowMs() - KEEP_EXPIRED_MS);
  }
}

/** By what the operator allows now. A token without a key is of an earlier build: its client asks again. */
function holderOf(
  { client: id, scopes, key }: TokenRow,
  clients: ReadonlyMap<string, Client>,
): Caller | undefined {
  const client = clients.get(id);
  const isOfKey = [...(client?.keys.values() ?? [])].some((one) => key?.equals(digestOfKey(one)));
  if (client === undefined || !isOfKey) return undefined;
  return { kind: 'client', client: id, scopes: narrow(parseScopes(scopes) ?? [], client.scopes) };
}

function digestOfKey(key: KeyObject): Buffer {
  return hash('sha256', key.export({ type: 'spki', format: 'der' }), 'buffer');
}

/** RFC 6749, section 3.2: parameters stand once. */
function requireOnce(form: URLSearchParams): void {
  const names = [...form.keys()];
  if (new Set(names).size < names.length) throw refused('TOKEN_REQUEST_INVALID', 'a parameter stands twice');
}

function refused(code: string, message: string): EngineError {
  return new EngineError('rejected', code, message);
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

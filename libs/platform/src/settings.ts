import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EngineError } from '#kernel';
import { type LogLevel, logLevels } from '#telemetry';

/** Everything that the environment decides. Nothing else in the code reads it. */
export interface Settings {
  /** Undefined: the embedded PostgreSQL under the data directory. */
  readonly databaseUrl: string | undefined;
  /** Undefined: queues in PostgreSQL. */
  readonly redisUrl: string | undefined;
  readonly dataDirectory: string;
  readonly httpHost: string;
  /** 0 picks a free one. */
  readonly httpPort: number;
  /** The address that clients see. */
  readonly publicUrl: string | undefined;
  readonly channelsDirectory: string;
  readonly mappingsDirectory: string;
  readonly tenant: string;
  readonly masterKeyFile: string | undefined;
  /** Holds the operator's access token; undefined: one is made in the data directory. */
  readonly accessTokenFile: string | undefined;
  /** Files of the clients that may ask for tokens. */
  readonly clientsDirectory: string;
  /** Reads and searches need no token on the loopback interface. */
  readonly openLoopback: boolean;
  /** Milliseconds after which the database ends a statement of a search. */
  readonly searchStatementMs: number;
  /** Hosts, addresses and ranges beside the public Internet to which subscriptions may be sent. */
  readonly endpointsAllowed: readonly string[];
  /** Folder of the keys that sign what subscribers are sent. */
  readonly webhookKeys: string | undefined;
  readonly logLevel: LogLevel;
  /** For `${NAME}` in channel files. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const defaultHttpPort = 8080;
const defaultSearchSeconds = 10;

type Environment = Readonly<Record<string, string | undefined>>;
type Problems = string[];

/**
 * Reads the settings. Throws one `misconfigured` SETTINGS_INVALID that names every wrong variable, what is wrong and what
 * to write instead. `NAME_FILE` gives the value of DATABASE_URL or REDIS_URL in a file, for secrets.
 */
export function readSettings(environment: Environment, workingDirectory: string): Settings {
  const problems: Problems = [];
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const directory = (name: string, fallback: string): string =>
    resolve(workingDirectory, value(name) ?? fallback);
  const file = (name: string): string | undefined => {
    const path = value(name);
    if (path === undefined) return undefined;
    if (contentOf(path, workingDirectory) !== undefined) return resolve(workingDirectory, path);
    problems.push(`${name}: the file ${path} cannot be read; name a file that the engine's account may read`);
    return undefined;
  };
  const dataDirectory = directory('SUTURE_DATA_DIR', '.suture');
  const settings: Settings = {
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:'], environment, workingDirectory, problems),
    redisUrl: url('REDIS_URL', ['redis:', 'rediss:'], environment, workingDirectory, problems),
    dataDirectory,
    httpHost: value('SUTURE_HTTP_HOST') ?? '127.0.0.1',
    httpPort: port('SUTURE_HTTP_PORT', value('SUTURE_HTTP_PORT'), problems),
    publicUrl: publicUrl(value('SUTURE_PUBLIC_URL'), problems),
    channelsDirectory: directory('SUTURE_CHANNELS', join('mappings', 'channels')),
    mappingsDirectory: resolve(workingDirectory, 'mappings'),
    tenant: tenant(value('SUTURE_TENANT'), problems),
    masterKeyFile: file('SUTURE_MASTER_KEY_FILE'),
    accessTokenFile: file('SUTURE_ACCESS_TOKEN_FILE'),
    clientsDirectory: directory('SUTURE_CLIENTS', join(dataDirectory, 'clients')),
    openLoopback: yesOrNo('SUTURE_OPEN_LOOPBACK', value('SUTURE_OPEN_LOOPBACK'), problems),
    searchStatementMs: searchTimeout(value('SUTURE_SEARCH_TIMEOUT'), problems),
    endpointsAllowed: (value('SUTURE_ENDPOINTS_ALLOWED') ?? '')
      .split(/[\s,]+/)
      .filter((entry) => entry !== ''),
    webhookKeys: value('SUTURE_WEBHOOK_KEYS') && directory('SUTURE_WEBHOOK_KEYS', ''),
    logLevel: logLevel(value('SUTURE_LOG_LEVEL'), problems),
    environment,
  };
  if (problems.length > 0) {
    throw new EngineError('misconfigured', 'SETTINGS_INVALID', problems.join('\n'));
  }
  return settings;
}

/** Never repeats the value: a URL may hold a password. */
function url(
  name: string,
  protocols: readonly string[],
  environment: Environment,
  workingDirectory: string,
  problems: Problems,
): string | undefined {
  const path = environment[`${name}_FILE`]?.trim();
  const text = path ? contentOf(path, workingDirectory) : environment[name]?.trim();
  if (path && text === undefined) problems.push(`${name}_FILE: the file ${path} cannot be read`);
  if (!text) return undefined;
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
  const example = name === 'REDIS_URL' ? 'redis://host:6379' : 'postgres://user:password@host:5432/database';
  problems.push(
    `${name}: not a URL that begins with ${protocols.join('// or ')}//; write it like ${example}`,
  );
  return undefined;
}

function port(name: string, text: string | undefined, problems: Problems): number {
  if (text === undefined) return defaultHttpPort;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (number >= 0 && number <= 65_535) return number;
  problems.push(`${name}: '${text}' is no port; write a whole number from 0 (any free one) to 65535`);
  return defaultHttpPort;
}

function searchTimeout(text: string | undefined, problems: Problems): number {
  const seconds = text === undefined ? defaultSearchSeconds : /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1) problems.push('SUTURE_SEARCH_TIMEOUT: write whole seconds from 1 to 999');
  return seconds * 1_000;
}

function yesOrNo(name: string, text: string | undefined, problems: Problems): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false')
    problems.push(`${name}: '${text}' is neither; write true or false`);
  return text === 'true';
}

function publicUrl(text: string | undefined, problems: Problems): string | undefined {
  if (text === undefined) return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  problems.push(
    'SUTURE_PUBLIC_URL: not a URL; write the address that clients see, like https://fhir.hospital.example',
  );
  return undefined;
}

function tenant(text: string | undefined, problems: Problems): string {
  if (text === undefined) return 'default';
  if (/^[a-z0-9][a-z0-9.-]{0,62}$/.test(text)) return text;
  problems.push(`SUTURE_TENANT: '${text}' is no tenant name; use a-z, 0-9, dot and hyphen, at most 63`);
  return 'default';
}

function logLevel(text: string | undefined, problems: Problems): LogLevel {
  const level = text ?? 'info';
  const known = logLevels.find((each) => each === level);
  if (known !== undefined) return known;
  problems.push(`SUTURE_LOG_LEVEL: '${level}' is unknown; write one of ${logLevels.join(', ')}`);
  return 'info';
}

function contentOf(path: string, workingDirectory: string): string | undefined {
  try {
    return readFileSync(resolve(workingDirectory, path), 'utf8').trim();
  } catch {
    return undefined;
  }
}

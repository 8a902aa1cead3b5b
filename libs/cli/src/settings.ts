import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * What the command line takes from the environment; the same names and defaults as the engine's. Read here and not by
 * #platform, because that loads the framework, which an offline verb would wait two seconds for.
 */
export interface CommandSettings {
  /** Undefined: the embedded PostgreSQL of the data directory. */
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly dataDirectory: string;
  /** Tiles, checkpoint and keys of the ledger. */
  readonly ledgerDirectory: string;
  readonly channelsDirectory: string;
  readonly mappingsDirectory: string;
  readonly mllpPort: number;
  readonly httpPort: number;
  readonly tenant: string;
  /** Where relative paths that a person types begin. */
  readonly typedFrom: string;
  /** For `${NAME}` in channel files. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const defaultDataDirectory = '.suture';
const defaultMllpPort = 2575;
const defaultHttpPort = 8080;

/**
 * Reads the environment once; paths in it are relative to the installation, paths that a person types to where they are.
 * Never fails: what is wrong in it is reported by the verb that needs it.
 */
export function readSettings(
  environment: NodeJS.ProcessEnv,
  installation: string,
  workingDirectory = installation,
): CommandSettings {
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const secret = (name: string): string | undefined =>
    contentOf(value(`${name}_FILE`), installation) ?? value(name);
  const directory = (name: string, fallback: string): string =>
    resolve(installation, value(name) ?? fallback);
  const channelsDirectory = directory('SUTURE_CHANNELS', join('mappings', 'channels'));
  return {
    databaseUrl: secret('DATABASE_URL'),
    redisUrl: secret('REDIS_URL'),
    dataDirectory: directory('SUTURE_DATA_DIR', defaultDataDirectory),
    ledgerDirectory: join(directory('SUTURE_DATA_DIR', defaultDataDirectory), 'ledger'),
    channelsDirectory,
    mappingsDirectory: resolve(installation, 'mappings'),
    mllpPort: portOf(value('SUTURE_MLLP_PORT'), defaultMllpPort),
    httpPort: portOf(value('SUTURE_HTTP_PORT'), defaultHttpPort),
    tenant: value('SUTURE_TENANT') ?? 'default',
    // `npm run suture` moves to the package's folder first; the person who typed a path has not moved.
    typedFrom:
      environment['npm_lifecycle_event'] === 'suture'
        ? (value('INIT_CWD') ?? workingDirectory)
        : workingDirectory,
    environment,
  };
}

/** A secret may stand in a file that `NAME_FILE` names. An unreadable one is as good as none; the engine complains. */
function contentOf(path: string | undefined, workingDirectory: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(resolve(workingDirectory, path), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function portOf(text: string | undefined, fallback: number): number {
  const port = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : fallback;
  return port > 0 && port <= 65_535 ? port : fallback;
}

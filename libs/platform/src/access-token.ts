import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './settings.js';

type TokenPlace = Pick<Settings, 'accessTokenFile' | 'dataDirectory'>;

/** Where it is kept. */
export function accessTokenPath({ accessTokenFile, dataDirectory }: TokenPlace): string {
  return accessTokenFile ?? join(dataDirectory, 'access-token');
}

/** The secret of the operator, which opens all: from the file that the settings name, else made once in the data directory. */
export function readAccessToken(settings: TokenPlace): string {
  const path = accessTokenPath(settings);
  if (settings.accessTokenFile !== undefined) return readFileSync(path, 'utf8').trim();
  mkdirSync(settings.dataDirectory, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${randomBytes(24).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    // It was made at an earlier start.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}

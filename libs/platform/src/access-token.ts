import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The secret that opens /admin and subscriptions: from the file that the settings name, else made once in the data directory. */
export function readAccessToken(settings: {
  readonly accessTokenFile: string | undefined;
  readonly dataDirectory: string;
}): string {
  if (settings.accessTokenFile !== undefined) return readFileSync(settings.accessTokenFile, 'utf8').trim();
  const path = join(settings.dataDirectory, 'access-token');
  mkdirSync(settings.dataDirectory, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${randomBytes(24).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    // It was made at an earlier start.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}

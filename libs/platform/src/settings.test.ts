import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readSettings } from './settings.js';

describe('settings', () => {
  test('without any variable everything has its default', () => {
    expect(readSettings({}, '/srv/suture')).toMatchObject({
      databaseUrl: undefined,
      redisUrl: undefined,
      dataDirectory: '/srv/suture/.suture',
      httpPort: 8080,
      channelsDirectory: '/srv/suture/mappings/channels',
      tenant: 'default',
      clientsDirectory: '/srv/suture/.suture/clients',
      openLoopback: false,
      searchStatementMs: 10_000,
      logLevel: 'info',
    });
  });

  test('every mistake is named at once, with the variable and what to write, and no secret', () => {
    const wrong = {
      DATABASE_URL: 'mysql://root:secret@host/db',
      REDIS_URL: 'nonsense',
      SUTURE_HTTP_PORT: '80801',
      SUTURE_TENANT: 'Not A Tenant',
      SUTURE_LOG_LEVEL: 'loud',
      SUTURE_OPEN_LOOPBACK: 'yes',
      SUTURE_MASTER_KEY_FILE: '/nowhere/key',
    };
    let message = '';
    try {
      readSettings(wrong, '/srv/suture');
    } catch (error) {
      message = (error as Error).message;
    }
    for (const name of Object.keys(wrong)) expect(message).toContain(`${name}:`);
    expect(message).not.toContain('secret');
    expect(message.split('\n')).toHaveLength(Object.keys(wrong).length);
  });

  test('a connection address with a password may stand in a file', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'suture-settings-')), 'url');
    writeFileSync(path, 'postgres://a:b@c/d\n');
    expect(readSettings({ DATABASE_URL_FILE: path }, '/').databaseUrl).toBe('postgres://a:b@c/d');
  });
});

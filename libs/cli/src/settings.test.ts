import { describe, expect, test } from '@jest/globals';
import { readSettings } from './settings.js';

describe('settings of the command line', () => {
  test('have the defaults of the engine', () => {
    expect(readSettings({}, '/site')).toMatchObject({
      databaseUrl: undefined,
      dataDirectory: '/site/.suture',
      ledgerDirectory: '/site/.suture/ledger',
      channelsDirectory: '/site/mappings/channels',
      mllpPort: 2575,
      httpPort: 8080,
      tenant: 'default',
    });
  });

  test('take an empty variable for one that is not set', () => {
    expect(readSettings({ DATABASE_URL: '', SUTURE_DATA_DIR: ' ' }, '/site').dataDirectory).toBe(
      '/site/.suture',
    );
  });

  test('know where a person was who typed through npm', () => {
    const environment = { npm_lifecycle_event: 'suture', INIT_CWD: '/home/ada' };
    expect(readSettings(environment, '/site').typedFrom).toBe('/home/ada');
    expect(readSettings({ INIT_CWD: '/home/ada' }, '/site').typedFrom).toBe('/site');
  });
});

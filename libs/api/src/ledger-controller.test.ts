import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const put = (path: string, bytes: string): void => {
  const file = join(server.ledgerDirectory, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, bytes);
};

describe('the ledger over HTTP', () => {
  test('the checkpoint is served anew each time, a tile for ever', async () => {
    expect((await server.send('GET', '/ledger/checkpoint')).status).toBe(404);
    put('checkpoint', 'origin\n1\nroot\n');
    const checkpoint = await server.send('GET', '/ledger/checkpoint');
    expect([checkpoint.status, checkpoint.text]).toEqual([200, 'origin\n1\nroot\n']);
    expect(checkpoint.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(checkpoint.headers['cache-control']).toBe('no-cache');
    put('tile/0/x001/234.p/7', 'tile');
    put('tile/entries/000', 'entries');
    const tile = await server.send('GET', '/ledger/tile/0/x001/234.p/7');
    expect([tile.status, tile.text]).toEqual([200, 'tile']);
    expect(tile.headers['content-type']).toBe('application/octet-stream');
    expect(tile.headers['cache-control']).toContain('immutable');
    expect((await server.send('GET', '/ledger/tile/entries/000')).text).toBe('entries');
  });

  test('what is no tile is not looked for', async () => {
    put('secret', 'key');
    for (const path of [
      'secret',
      'tile/../secret',
      'tile/%2e%2e/secret',
      'tile/..%2fsecret',
      'tile/0/001.p/0',
      'tile/0/001.p/256',
      'tile/64/001',
      'tile/00/001',
      'tile/0/1',
      'tile/0/x001',
      'tile/0',
      'tile/',
      'tile/0/001/',
      'tile/entries/../../checkpoint',
    ]) {
      const answer = await server.send('GET', `/ledger/${path}`);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    }
  });
});

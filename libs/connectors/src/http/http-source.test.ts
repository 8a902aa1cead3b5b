import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FileJournal } from '../../testing/file-journal.js';
import { messageOf } from '../../testing/mllp-peer.js';
import { fileDefaults } from '../files/file-defaults.js';
import { fileFormats } from '../files/file-formats.js';
import { HttpSource, type HttpSourceOptions } from './http-source.js';

describe('an HTTP source', () => {
  let journal = new FileJournal();
  let source: HttpSource | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'suture-http-'));
  const start = async (over: Partial<HttpSourceOptions> = {}) => {
    journal = new FileJournal();
    const where = {
      channel: 'post',
      formats: fileFormats('auto'),
      host: '127.0.0.1',
      port: 0,
      path: '/messages',
    };
    source = new HttpSource({ ...fileDefaults, fileMaxBytes: 100_000, ...where, ...over });
    return source.start(journal.receive);
  };
  const post = async (url: string, body: RequestInit['body'], headers: Record<string, string> = {}) => {
    const answer = await fetch(url, { method: 'POST', body: body ?? null, headers });
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as Record<string, unknown>,
    };
  };
  afterEach(async () => {
    await source?.stop(100);
  });

  test('a body is answered with its receipt after the commit, and again when it is sent again', async () => {
    const url = await start();
    const text = messageOf('1') + messageOf('2') + messageOf('3').replace('ORU', 'ADT');
    const first = await post(url, text);
    expect([first.status, first.body]).toMatchObject([
      200,
      {
        files: [
          {
            units: 3,
            journaled: 2,
            refused: 1,
            positions: ['1-1-1', '1-1-2'],
            refusals: [{ unit: 3, line: 5 }],
          },
        ],
      },
    ]);
    expect((await post(url, text)).body).toMatchObject({
      files: [{ journaled: 0, duplicates: 2, refused: 1 }],
    });
    expect(journal.stored).toEqual(['1', '2']);
  });

  test('the files of a form are taken, each with a receipt', async () => {
    const form = new FormData();
    form.append('note', 'no file');
    form.append('one', new Blob([messageOf('1')]), 'one.hl7');
    form.append('two', new Blob(['nonsense']), 'two.hl7');
    const { status, body } = await post(await start(), form);
    expect([status, body]).toMatchObject([
      422,
      { files: [{ journaled: 1 }, { error: { code: 'FILE_FORMAT_UNKNOWN' } }] },
    ]);
  });

  test('who is not known is refused before the body is read, and what is too large, encoded or malformed too', async () => {
    writeFileSync(join(folder, 'secret'), 'Bearer right\n');
    const url = await start({ authorizationFile: join(folder, 'secret') });
    expect((await post(url, messageOf('1'))).status).toBe(401);
    expect((await post(url, messageOf('1'), { authorization: 'Bearer wrong' })).status).toBe(401);
    const known = { authorization: 'Bearer right' };
    expect((await post(url, 'x'.repeat(100_001), known)).status).toBe(413);
    expect((await post(url, 'x', { ...known, 'content-encoding': 'gzip' })).status).toBe(415);
    expect(
      (await post(url, 'x', { ...known, 'content-type': 'multipart/form-data; boundary=b' })).status,
    ).toBe(400);
    expect((await post(url.replace('/messages', '/other'), 'x', known)).status).toBe(404);
    expect((await fetch(url, { headers: known })).status).toBe(405);
    expect(journal.stored).toEqual([]);
    expect((await post(url, messageOf('1'), known)).status).toBe(200);
    rmSync(folder, { recursive: true });
  });

  test('under back-pressure and when the commit is uncertain the sender is asked to come again', async () => {
    const url = await start();
    source?.pause();
    const held = await post(url, messageOf('1'));
    expect([held.status, held.headers.get('retry-after')]).toEqual([503, '2']);
    source?.resume();
    journal.uncertain = 1;
    expect((await post(url, messageOf('1'))).status).toBe(503);
    expect((await post(url, messageOf('1'))).status).toBe(200);
    expect(journal.stored).toEqual(['1']);
  });

  test('a request that breaks off or is too slow adds nothing', async () => {
    const url = await start({ requestTimeoutMs: 200 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /messages HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n${messageOf('1')}`);
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect(journal.stored).toEqual([]);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { framed, messageOf, SourceUnderTest, until } from '../../testing/mllp-peer.js';
import { MllpClient } from './mllp-client.js';
import type { MllpSourceOptions } from './mllp-source-options.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

(hasOpenssl ? describe : describe.skip)(
  'TLS (skipped where there is no openssl to make certificates)',
  () => {
    let folder: string;
    let under: SourceUnderTest | undefined;
    const file = (name: string) => join(folder, name);
    const read = (name: string) => readFileSync(file(name));
    const server = () => ({ certFile: file('server.crt'), keyFile: file('server.key') });
    const start = async (tls: NonNullable<MllpSourceOptions['tls']>) => {
      under = await SourceUnderTest.start({ tls });
      return under;
    };
    const portOf = (source: SourceUnderTest) => Number(new URL(source.address.replace('mllps', 'http')).port);

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'suture-tls-'));
      for (const authority of ['ca', 'other-ca']) makeAuthority(file(authority), authority);
      makeCertificate(folder, 'server', 'ca', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
      makeCertificate(folder, 'client', 'ca', 'extendedKeyUsage=clientAuth');
      makeCertificate(folder, 'stranger', 'other-ca', 'extendedKeyUsage=clientAuth');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    afterEach(async () => {
      await under?.stop();
      under = undefined;
    });

    test('messages are acknowledged over TLS', async () => {
      const source = await start(server());
      expect(source.address).toMatch(/^mllps:/);
      const peer = await source.peer({ ca: read('ca.crt') });
      peer.send(framed(messageOf('1'), messageOf('2')));
      expect(await peer.answered(2)).toEqual(['AA 1', 'AA 2']);
      peer.send(framed(messageOf('3')));
      peer.socket.end();
      await peer.closed();
      expect(peer.answers).toEqual(['AA 1', 'AA 2', 'AA 3']);
    });

    test('with a client authority only its certificates get in; a refusal is visible', async () => {
      const source = await start({ ...server(), clientCaFile: file('ca.crt') });
      const good = await source.peer({
        ca: read('ca.crt'),
        cert: read('client.crt'),
        key: read('client.key'),
      });
      good.send(framed(messageOf('1')));
      expect(await good.answered(1)).toEqual(['AA 1']);
      const stranger = { ca: read('ca.crt'), cert: read('stranger.crt'), key: read('stranger.key') };
      for (const credentials of [{ ca: read('ca.crt') }, stranger]) {
        const before = source.seen('connection-refused').length;
        // With TLS 1.3 the client may believe it is connected until the server says no.
        const peer = await source.peer(credentials).catch(() => undefined);
        peer?.send(framed(messageOf('X')));
        await until(() => source.seen('connection-refused').length > before, 'the refusal is reported');
        await peer?.closed();
      }
      expect(source.seen('connection-refused')).toMatchObject([{ reason: 'tls' }, { reason: 'tls' }]);
      expect(source.arrivedIds).toEqual(['1']);
    });

    test('a sender that speaks no TLS is refused, and the others go on', async () => {
      const source = await start(server());
      const plain = await source.peer();
      plain.send(framed(messageOf('1')));
      await plain.closed();
      expect(source.seen('connection-refused')).toMatchObject([{ reason: 'tls' }]);
      expect(source.arrivedIds).toEqual([]);
      const peer = await source.peer({ ca: read('ca.crt') });
      peer.send(framed(messageOf('2')));
      expect(await peer.answered(1)).toEqual(['AA 2']);
    });

    test('certificate files that cannot be used are mistakes of the channel', async () => {
      const attempt = (tls: NonNullable<MllpSourceOptions['tls']>) => SourceUnderTest.start({ tls });
      await expect(attempt({ ...server(), keyFile: file('absent') })).rejects.toMatchObject({
        kind: 'misconfigured',
        code: 'MLLP_TLS_FILE_UNREADABLE',
      });
      writeFileSync(file('nonsense'), 'nonsense');
      await expect(attempt({ ...server(), certFile: file('nonsense') })).rejects.toMatchObject({
        kind: 'misconfigured',
        code: 'MLLP_TLS_UNUSABLE',
      });
    });

    test('our client sends over TLS with its certificate, and refuses a receiver it cannot verify', async () => {
      const source = await start({ ...server(), clientCaFile: file('ca.crt') });
      const target = { host: 'localhost', port: portOf(source) };
      const tls = { caFile: file('ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') };
      const client = new MllpClient({ ...target, host: '127.0.0.1', tls });
      const reply = await client.send(Buffer.from(messageOf('1')));
      expect(reply?.acknowledgment).toMatchObject({ code: 'AA', acknowledgedId: '1' });
      await client.close();
      const doubting = new MllpClient({
        ...target,
        host: '127.0.0.1',
        tls: { caFile: file('other-ca.crt') },
      });
      await expect(doubting.send(Buffer.from(messageOf('2')))).rejects.toMatchObject({
        kind: 'unavailable',
        code: 'MLLP_RECEIVER_UNREACHABLE',
      });
      const lost = new MllpClient({ ...target, host: '127.0.0.1', tls: { caFile: file('absent') } });
      await expect(lost.send(Buffer.from(messageOf('3')))).rejects.toMatchObject({ kind: 'misconfigured' });
    });
  },
);

function makeAuthority(path: string, name: string): void {
  const subject = ['-subj', `/CN=${name}`];
  openssl(['req', '-x509', '-newkey', 'ec', ...curve, '-nodes', '-days', '2', ...subject, ...out(path)]);
}

function makeCertificate(folder: string, name: string, authority: string, extension: string): void {
  const path = join(folder, name);
  writeFileSync(`${path}.ext`, extension);
  openssl([
    'req',
    '-newkey',
    'ec',
    ...curve,
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${path}.key`,
    '-out',
    `${path}.csr`,
  ]);
  const ca = join(folder, authority);
  const signer = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial'];
  openssl([
    'x509',
    '-req',
    '-in',
    `${path}.csr`,
    ...signer,
    '-days',
    '2',
    '-extfile',
    `${path}.ext`,
    '-out',
    `${path}.crt`,
  ]);
}

const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1'];
const out = (path: string) => ['-keyout', `${path}.key`, '-out', `${path}.crt`];

function openssl(args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

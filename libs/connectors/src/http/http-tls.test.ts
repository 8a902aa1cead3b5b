import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SendOutcome } from '#channel';
import { outboundOf } from '../../testing/outbound.js';
import { HttpDestination, type HttpDestinationOptions } from './http-destination.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const outbound = outboundOf(['{"resourceType":"Patient","id":"p1"}']);

(hasOpenssl ? describe : describe.skip)(
  'HTTP destination over TLS (skipped where there is no openssl to make certificates)',
  () => {
    let folder: string;
    let server: Server;
    let received = 0;
    const pem = (name: string) => readFileSync(join(folder, name), 'utf8');
    const openssl = (...line: string[]) => execFileSync('openssl', line, { cwd: folder, stdio: 'ignore' });
    const certify = (name: string, extension: string) => {
      writeFileSync(join(folder, `${name}.ext`), extension);
      openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-out',
        `${name}.crt`,
        '-extfile',
        `${name}.ext`,
      );
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'suture-https-'));
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        'ca.key',
        '-out',
        'ca.crt',
        '-days',
        '2',
        '-subj',
        '/CN=test authority',
      );
      certify('server', 'subjectAltName=IP:127.0.0.1');
      certify('client', 'extendedKeyUsage=clientAuth');
      const tls = { cert: pem('server.crt'), key: pem('server.key'), ca: pem('ca.crt') };
      server = createServer({ ...tls, requestCert: true }, (request, response) => {
        received += 1;
        request.resume();
        request.on('end', () => response.end());
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const send = async (tls?: HttpDestinationOptions['tls'], host = '127.0.0.1'): Promise<SendOutcome> => {
      const { port } = server.address() as AddressInfo;
      const url = `https://${host}:${port}/`;
      const destination = new HttpDestination({
        name: 'lab.ehr',
        url,
        timeoutMs: 5_000,
        origin: 'here',
        tls,
      });
      const outcome = await destination.send(outbound, new AbortController().signal);
      await destination.close();
      return outcome;
    };
    const codeOf = (outcome: SendOutcome) =>
      outcome.sent ? 'sent' : `${outcome.error.kind} ${outcome.error.code}`;

    test('a message goes to a receiver whose authority is trusted, with our own certificate', async () => {
      const tls = { ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') };
      expect(codeOf(await send(tls))).toBe('sent');
    });

    test('a receiver of an unknown authority or another name gets nothing, and that waits for a person', async () => {
      const before = received;
      expect(codeOf(await send())).toBe('misconfigured DESTINATION_TLS_REFUSED');
      expect(
        codeOf(
          await send({ ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') }, 'localhost'),
        ),
      ).toBe('misconfigured DESTINATION_TLS_REFUSED');
      expect(received).toBe(before);
    });

    test('a receiver that wants a certificate of ours and gets none makes nothing dead', async () => {
      const outcome = await send({ ca: pem('ca.crt') });
      expect(outcome.sent).toBe(false);
      expect(outcome.sent ? '' : outcome.error.kind).not.toBe('rejected');
    });
  },
);

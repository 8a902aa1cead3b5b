import { createPublicKey, verify } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readJson } from '#fhir';
import { type Behaviour, HttpReceiver } from '../../../delivery/testing/http-receiver.js';
import { until } from '../../../delivery/testing/until.js';
import { outboundOf, outcomeOf } from '../../testing/outbound.js';
import { AddressPolicy } from './address-policy.js';
import { HttpDestination, type HttpDestinationOptions } from './http-destination.js';
import { HttpPoster } from './http-poster.js';
import { WebhookSigner } from './webhook-signer.js';

const header = '{"resourceType":"MessageHeader","id":"m1","eventUri":"urn:e","source":{"endpoint":"urn:s"}}';
const patient = '{"resourceType":"Patient","id":"p1","name":[{"family":"Nováková"}]}';
const outbound = outboundOf([header, patient]);
const never = new AbortController().signal;
setMaxListeners(0, never);

describe('HTTP destination', () => {
  let receiver: HttpReceiver;
  const open: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    receiver = await new HttpReceiver().up();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    await receiver.down();
  });

  const destination = (options: Partial<HttpDestinationOptions> = {}) => {
    const made = new HttpDestination({
      name: 'lab.ehr',
      url: receiver.url,
      timeoutMs: 5_000,
      origin: 'hospital-a',
      ...options,
    });
    open.push(made);
    return made;
  };
  test('a message arrives as a Bundle with its number, stream, position and idempotency key', async () => {
    expect(await destination().send(outbound, never)).toEqual({ sent: true });
    const [post] = receiver.posts;
    expect(post?.url).toBe('/receive?key=value');
    expect(post?.headers).toMatchObject({
      'content-type': 'application/fhir+json',
      'suture-stream': 'lab.ehr/7',
      'suture-event-number': '42',
      'suture-position': '1-7-99',
      'idempotency-key': 'hospital-a/lab.ehr/7/42',
    });
    expect(readJson(post?.body ?? '')).toMatchObject({
      resourceType: 'Bundle',
      type: 'message',
      entry: [
        { resource: readJson(header) },
        { resource: { resourceType: 'Patient', name: [{ family: 'Nováková' }] } },
      ],
    });
  });

  test('without a MessageHeader in front the Bundle is a collection', async () => {
    await destination().send({ ...outbound, resources: [Buffer.from(patient)] }, never);
    expect(readJson(receiver.posts[0]?.body ?? '')).toMatchObject({ type: 'collection' });
  });

  test('the control id that the Provenance names goes along, unless a header cannot carry it', async () => {
    const one = destination();
    for (const value of ['MSG00001', 'xé', 'x\\u00e9', 'x\\"y']) {
      const identifier = `{"system":"urn:x-suture:message-control-id","value":"${value}"}`;
      const provenance = `{"resourceType":"Provenance","id":"v","entity":[{"what":{"identifier":${identifier}}}]}`;
      await one.send({ ...outbound, resources: [Buffer.from(patient), Buffer.from(provenance)] }, never);
    }
    await one.send(outbound, never);
    const ids = receiver.posts.map((post) => post.headers['x-message-control-id']);
    expect(ids).toEqual(['MSG00001', undefined, undefined, undefined, undefined]);
  });

  test.each<[Behaviour, string]>([
    [200, 'sent'],
    [204, 'sent'],
    [302, 'misconfigured DESTINATION_MISADDRESSED'],
    [400, 'rejected DESTINATION_REFUSED'],
    [401, 'misconfigured DESTINATION_MISADDRESSED'],
    [404, 'misconfigured DESTINATION_MISADDRESSED'],
    [408, 'unavailable DESTINATION_BUSY'],
    [409, 'rejected DESTINATION_REFUSED'],
    [422, 'rejected DESTINATION_REFUSED'],
    [425, 'unavailable DESTINATION_BUSY'],
    [429, 'unavailable DESTINATION_BUSY'],
    [500, 'uncertain DESTINATION_FAILED'],
    [503, 'unavailable DESTINATION_BUSY'],
    [504, 'uncertain DESTINATION_FAILED'],
    ['cut', 'uncertain DESTINATION_NO_ANSWER'],
    ['half', 'uncertain DESTINATION_NO_ANSWER'],
    ['flood', 'sent'],
  ])('a receiver that answers %s makes the outcome %s', async (behaviour, expected) => {
    receiver.behave = () => behaviour;
    const one = destination();
    expect(await outcomeOf(one.send(outbound, never))).toBe(expected);
    // Whatever it was, the next message finds the destination in order.
    receiver.behave = () => 200;
    expect(await outcomeOf(one.send(outbound, never))).toBe('sent');
  });

  test.each<Behaviour>(['hang', 'drip'])(
    'a receiver that would %s is given up after the timeout',
    async (behaviour) => {
      receiver.behave = () => behaviour;
      const one = destination({ timeoutMs: 200 });
      expect(await outcomeOf(one.send(outbound, never))).toBe('uncertain DESTINATION_TIMEOUT');
    },
  );

  test('a receiver that is down is unavailable: nothing was sent', async () => {
    await receiver.down();
    const one = destination();
    expect(await outcomeOf(one.send(outbound, never))).toBe('unavailable DESTINATION_UNREACHABLE');
    await receiver.up();
    expect(await outcomeOf(one.send(outbound, never))).toBe('sent');
  });

  test('a kept connection that the receiver has closed meanwhile costs no message', async () => {
    const one = destination();
    await one.send(outbound, never);
    await receiver.down();
    await receiver.up();
    expect(await outcomeOf(one.send({ ...outbound, number: 43 }, never))).toBe('sent');
  });

  test('sending can be broken off, and then the connection is closed', async () => {
    receiver.behave = () => 'hang';
    const stop = new AbortController();
    const sending = destination().send(outbound, stop.signal);
    await until('the request is there', () => receiver.posts.length === 1);
    stop.abort();
    expect(await outcomeOf(sending)).toBe('uncertain DESTINATION_STOPPED');
    expect(await outcomeOf(destination().send(outbound, stop.signal))).toBe(
      'unavailable DESTINATION_STOPPED',
    );
  });

  test('the authorization comes from its file, is read again when it changes, and is missed by name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'suture-secret-'));
    const path = join(folder, 'token');
    await writeFile(path, 'Bearer one\n');
    const clock = { now: 0, nowMs: () => clock.now };
    const options = {
      name: 'lab.ehr',
      url: receiver.url,
      timeoutMs: 5_000,
      origin: 'a',
      authorizationFile: path,
    };
    const one = new HttpDestination(options, clock);
    open.push(one);
    await one.send(outbound, never);
    await writeFile(path, 'Bearer two');
    await one.send(outbound, never);
    clock.now = 10_000;
    await one.send(outbound, never);
    expect(receiver.posts.map((post) => post.headers.authorization)).toEqual([
      'Bearer one',
      'Bearer one',
      'Bearer two',
    ]);
    await rm(folder, { recursive: true });
    clock.now = 20_000;
    expect(await outcomeOf(one.send(outbound, never))).toBe('misconfigured SECRET_UNREADABLE');
  });

  test('a request is signed with the key that the channel names, over the very bytes of its body', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'suture-webhooks-'));
    await writeFile(join(folder, 'ward'), `whsk_${Buffer.alloc(32, 7).toString('base64')}\n`);
    const signer = new WebhookSigner(folder);
    const one = destination({ signature: { signer, key: 'ward' } });
    expect(await outcomeOf(one.send(outbound, never))).toBe('sent');
    const [post] = receiver.posts;
    const told = (name: string) => String(post?.headers[name]);
    const [publicKey = ''] = await signer.publicKeys('ward');
    const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const content = `${told('webhook-id')}.${told('webhook-timestamp')}.${post?.body}`;
    const signature = Buffer.from(told('webhook-signature').replace('v1a,', ''), 'base64');
    expect(verify(null, Buffer.from(content), key, signature)).toBe(true);
    // The same event has the same id at every attempt.
    await one.send(outbound, never);
    expect(receiver.posts[1]?.headers['webhook-id']).toBe(told('webhook-id'));
    expect(await outcomeOf(destination({ signature: { signer, key: 'other' } }).send(outbound, never))).toBe(
      'misconfigured SECRET_UNREADABLE',
    );
    await rm(folder, { recursive: true });
  });

  test.each([
    ['120', 120_000],
    ['99999999', 3_600_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
  ])('a receiver that says Retry-After: %s is left alone for so long', async (text, retryAfterMs) => {
    receiver.behave = () => ({ status: 503, headers: { 'retry-after': text } });
    expect(await destination().send(outbound, never)).toMatchObject({
      sent: false,
      error: { code: 'DESTINATION_BUSY' },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });

  test('a header that HTTP cannot carry is a misconfiguration, not a crash', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'suture-secret-'));
    const path = join(folder, 'token');
    await writeFile(path, 'Bearer a\r\nx-injected: yes');
    const outcome = await destination({ authorizationFile: path }).send(outbound, never);
    expect(await outcomeOf(outcome)).toBe('misconfigured DESTINATION_REQUEST_INVALID');
    expect(receiver.posts).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('a hundred at once go over at most the configured number of connections', async () => {
    const one = destination({ connections: 4 });
    const all = Array.from({ length: 100 }, (_, number) => one.send({ ...outbound, number }, never));
    expect((await Promise.all(all)).every((outcome) => outcome.sent)).toBe(true);
    expect(receiver.mostInFlight).toBeLessThanOrEqual(4);
  });

  test('a receiver that hangs does not hold up the posts to another', async () => {
    const poster = new HttpPoster(new AddressPolicy(['127.0.0.1']));
    open.push(poster);
    const other = await new HttpReceiver().up();
    receiver.behave = () => 'hang';
    const post = (url: string) =>
      poster.post({ url, headers: ['x-a', 'b'], body: '{}', timeoutMs: 300 }, never);
    const hanging = Array.from({ length: 20 }, () => post(receiver.url));
    expect(await outcomeOf(post(other.url))).toBe('sent');
    expect(other.posts[0]?.headers['x-a']).toBe('b');
    const outcomes = await Promise.all(hanging.map(outcomeOf));
    expect(new Set(outcomes)).toEqual(
      new Set(['uncertain DESTINATION_TIMEOUT', 'unavailable DESTINATION_TIMEOUT']),
    );
    await other.down();
  });
});

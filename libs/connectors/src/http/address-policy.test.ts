import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SendOutcome } from '#channel';
import { HttpReceiver } from '../../../delivery/testing/http-receiver.js';
import { AddressPolicy } from './address-policy.js';
import { HttpPoster } from './http-poster.js';

const policy = new AddressPolicy();
const seed = 20_261_129;
const never = new AbortController().signal;

/** The same judgement in another way: by arithmetic on the 32 bits. */
function isPublic(bits: number): boolean {
  const within = (a: number, b: number, c: number, d: number, length: number) =>
    Math.floor(bits / 2 ** (32 - length)) ===
    Math.floor((a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** (32 - length));
  return !(
    within(0, 0, 0, 0, 8) ||
    within(10, 0, 0, 0, 8) ||
    within(100, 64, 0, 0, 10) ||
    within(127, 0, 0, 0, 8) ||
    within(169, 254, 0, 0, 16) ||
    within(172, 16, 0, 0, 12) ||
    within(192, 0, 0, 0, 24) ||
    within(192, 0, 2, 0, 24) ||
    within(192, 88, 99, 0, 24) ||
    within(192, 168, 0, 0, 16) ||
    within(198, 18, 0, 0, 15) ||
    within(198, 51, 100, 0, 24) ||
    within(203, 0, 113, 0, 24) ||
    bits >= 224 * 2 ** 24
  );
}

const bytesOf = (bits: number) => [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256);
const dotted = (bits: number) => bytesOf(bits).join('.');
/** Near the edges of the ranges, and anywhere. */
const address = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc
    .tuple(
      fc.constantFrom(10, 127, 169, 172, 192, 198, 203, 100, 0, 224, 255),
      fc.integer({ min: 0, max: 2 ** 24 - 1 }),
    )
    .map(([first, rest]) => first * 2 ** 24 + rest),
  fc.constantFrom(
    0x7f000001,
    0xa9fea9fe,
    0x0a000000,
    0x0affffff,
    0x0b000000,
    0xac1fffff,
    0xac200000,
    0x08080808,
  ),
);

/** Whether a URL with this host would be tried at all. */
function isTried(host: string): boolean {
  try {
    policy.checkHost(new URL(`http://${host}/`).hostname);
    return true;
  } catch {
    return false;
  }
}

describe('the address policy', () => {
  test('every way to write an IPv4 address is judged as the address it is', () => {
    fc.assert(
      fc.property(address, (bits) => {
        const [a = 0, b = 0, c = 0, d = 0] = bytesOf(bits);
        const expected = isPublic(bits);
        const octal = [a, b, c, d].map((byte) => `0${byte.toString(8)}`).join('.');
        const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        const hosts = [
          dotted(bits),
          String(bits),
          `0x${bits.toString(16)}`,
          octal,
          `${a}.${(b << 16) | (c << 8) | d}`,
          `${dotted(bits)}.`,
          `[::ffff:${dotted(bits)}]`,
          `[::ffff:${groups}]`,
          `[0:0:0:0:0:ffff:${groups}]`,
          `[64:ff9b::${groups}]`,
        ];
        for (const host of hosts) expect([host, isTried(host)]).toEqual([host, expected]);
        expect(policy.allowsAddress(`::ffff:${dotted(bits)}`)).toBe(expected);
      }),
      { seed, numRuns: 1_000 },
    );
  });

  test('of IPv6 only global unicast addresses are public', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((one) => one.toString(16)).join(':');
        if (groups[0] !== undefined && groups[0] >> 13 !== 1) expect(policy.allowsAddress(text)).toBe(false);
        expect(policy.allowsAddress(`fe80:${text.slice(text.indexOf(':') + 1)}%eth0`)).toBe(false);
      }),
      { seed, numRuns: 500 },
    );
    for (const closed of [
      '::',
      '::1',
      'fc00::1',
      'fd00:ec2::254',
      'fe80::1',
      'ff02::1',
      '2001:db8::1',
      '2002:7f00:1::',
    ])
      expect([closed, policy.allowsAddress(closed)]).toEqual([closed, false]);
    expect(policy.allowsAddress('2606:4700::1111')).toBe(true);
    expect(policy.allowsAddress('no address')).toBe(false);
  });

  test('the operator allows names, domains, addresses and ranges, and nothing beside them', () => {
    const open = new AddressPolicy([
      'ehr.example',
      '*.hospital.example',
      '10.1.0.0/16',
      'fd00::/8',
      '127.0.0.1',
    ]);
    for (const name of ['ehr.example', 'EHR.example.', 'a.hospital.example'])
      expect(open.allowsName(name)).toBe(true);
    for (const name of ['xehr.example', 'hospital.example', 'hospital.example.evil.example'])
      expect(open.allowsName(name)).toBe(false);
    for (const inside of ['10.1.2.3', 'fd12::1', '127.0.0.1', '::ffff:10.1.2.3'])
      expect([inside, open.allowsAddress(inside)]).toEqual([inside, true]);
    for (const outside of ['10.2.0.1', '127.0.0.2', 'fc00::1', '169.254.169.254'])
      expect([outside, open.allowsAddress(outside)]).toEqual([outside, false]);
    for (const wrong of ['10.0.0.0/33', 'a b', '*', 'http://x', '10.0.0.0/'])
      expect(() => new AddressPolicy([wrong])).toThrow('write such as');
  });
});

describe('posting under the address policy', () => {
  let receiver: HttpReceiver;
  const posters: HttpPoster[] = [];
  beforeAll(async () => {
    receiver = await new HttpReceiver().up();
  });
  afterAll(async () => {
    await Promise.all(posters.map((poster) => poster.close()));
    await receiver.down();
  });
  const codeOf = (outcome: SendOutcome) => (outcome.sent ? 'sent' : outcome.error.code);
  const post = async (host: string, allowed?: readonly string[]) => {
    const poster = new HttpPoster(new AddressPolicy(allowed));
    posters.push(poster);
    const url = receiver.url.replace('127.0.0.1', host);
    return codeOf(await poster.post({ url, headers: [], body: '{}', timeoutMs: 5_000 }, never));
  };

  test('nothing reaches this machine by any name of it, unless it is allowed', async () => {
    for (const host of [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0177.0.0.1',
      '[::ffff:127.0.0.1]',
      '[::1]',
      '0',
    ])
      expect([host, await post(host)]).toEqual([host, 'ENDPOINT_ADDRESS_REFUSED']);
    expect(receiver.posts).toHaveLength(0);
    expect(await post('localhost', ['localhost'])).toBe('sent');
    expect(await post('localhost', ['127.0.0.0/8'])).toBe('sent');
    expect(await post('127.0.0.1', ['127.0.0.1'])).toBe('sent');
    expect(await post('127.0.0.1', ['localhost'])).toBe('ENDPOINT_ADDRESS_REFUSED');
  });

  test('an allowed receiver cannot send us elsewhere by a redirect', async () => {
    receiver.behave = () => 307;
    expect(await post('127.0.0.1', ['127.0.0.1'])).toBe('DESTINATION_MISADDRESSED');
    receiver.behave = () => 200;
  });

  test('what DNS answers is judged when the connection is made, and that answer is the one used', async () => {
    const open = new AddressPolicy(['127.0.0.1']);
    const found = await new Promise((resolve, reject) =>
      open.lookup('localhost', { all: true }, (error, addresses) =>
        error ? reject(error) : resolve(addresses),
      ),
    );
    expect(found).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });
});

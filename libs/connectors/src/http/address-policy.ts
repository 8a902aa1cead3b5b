import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { EngineError } from '#kernel';

/** IPv4 that is not the public Internet (IANA IPv4 special-purpose registry, RFC 6890), multicast and reserved ones included. */
const CLOSED_V4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
/** Of 2000::/3, the only global unicast addresses of IPv6, what is no public host: tunnels, protocols, documentation. */
const CLOSED_V6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20';
const GLOBAL_V6 = '2000::/3';
/** IPv6 that stands for IPv4 in its last four bytes: mapped (RFC 4291) and NAT64 (RFC 6052). */
const CARRIES_V4 = [/^0:0:0:0:0:ffff:/, /^64:ff9b:0:0:0:0:/];

const closedV4 = listOf(CLOSED_V4.split(' '));
const closedV6 = listOf(CLOSED_V6.split(' '));
const globalV6 = listOf([GLOBAL_V6]);

/**
 * Decides where subscribers may have us send: to public addresses, and to what the operator names. It is asked at every
 * connection, about the very address that is then used, so an answer of DNS that changes gains nothing. Redirects are
 * not followed by those who post.
 */
export class AddressPolicy {
  private readonly names = new Set<string>();
  private readonly suffixes: string[] = [];
  private readonly addresses: BlockList;

  /** `allowed`: host names, `*.` and a domain, addresses, ranges such as 10.1.0.0/16. `misconfigured` ADDRESS_POLICY_INVALID. */
  constructor(allowed: readonly string[] = []) {
    const addresses: string[] = [];
    for (const entry of allowed) {
      if (isIP(entry.split('/')[0] ?? '') !== 0) addresses.push(entry);
      else if (/^\*\.[a-z0-9.-]+$/i.test(entry)) this.suffixes.push(entry.slice(1).toLowerCase());
      else if (/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/i.test(entry)) this.names.add(entry.toLowerCase());
      else throw invalidEntry(entry);
    }
    this.addresses = listOf(addresses);
  }

  /** Whether the operator names this host, whatever its address. */
  allowsName(host: string): boolean {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.names.has(name) || this.suffixes.some((suffix) => name.endsWith(suffix));
  }

  /** Whether a connection to this address (IPv4 or IPv6, as text) may be made. */
  allowsAddress(address: string): boolean {
    const plain = plainAddress(address);
    if (plain === undefined) return false;
    const { family, text } = plain;
    if (this.addresses.check(text, family)) return true;
    if (family === 'ipv4') return !closedV4.check(text, family);
    return globalV6.check(text, family) && !closedV6.check(text, family);
  }

  /**
   * Refuses the host of a URL that is itself an address; other hosts are judged when they are looked up. The URL parser
   * has made one form of decimal, octal and hexadecimal IPv4 (WHATWG URL, section 3.5). Throws ENDPOINT_ADDRESS_REFUSED.
   */
  checkHost(hostname: string): void {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0 && !this.allowsAddress(host)) throw refused();
  }

  /** `dns.lookup` that answers only with addresses that may be used; for `net.connect` and what builds on it. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const usable = this.allowsName(hostname)
        ? found
        : found.filter(({ address }) => this.allowsAddress(address));
      const [first] = usable as readonly (LookupAddress | undefined)[];
      if (first === undefined) return callback(refused(), '', 0);
      if (options.all) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}

function refused(): EngineError {
  return new EngineError(
    'misconfigured',
    'ENDPOINT_ADDRESS_REFUSED',
    'the endpoint is not on the public Internet; the operator can allow its name or address in SUTURE_ENDPOINTS_ALLOWED',
  );
}

function invalidEntry(entry: string): EngineError {
  return new EngineError(
    'misconfigured',
    'ADDRESS_POLICY_INVALID',
    `'${entry.slice(0, 100)}' is no host name, address or range; write such as ehr.example, *.hospital.example, 10.1.0.0/16`,
  );
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const most = family === 'ipv6' ? 128 : 32;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (prefix < 0 || prefix > most) throw invalidEntry(range);
    list.addSubnet(address, prefix, family);
  }
  return list;
}

/** The address that is really meant: IPv4 where IPv6 only carries it. Undefined: no address. */
function plainAddress(address: string): { family: 'ipv4' | 'ipv6'; text: string } | undefined {
  const bare = address.replace(/%.*$/, '');
  const version = isIP(bare);
  if (version === 4) return { family: 'ipv4', text: bare };
  if (version !== 6) return undefined;
  const groups = groupsOf(bare);
  if (CARRIES_V4.some((form) => form.test(groups.map((group) => group.toString(16)).join(':')))) {
    const [high = 0, low = 0] = groups.slice(6);
    return { family: 'ipv4', text: [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.') };
  }
  return { family: 'ipv6', text: bare };
}

/** The eight groups of an IPv6 address (RFC 4291, section 2.2). */
function groupsOf(address: string): number[] {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = [], tail = []] = text
    .split('::')
    .map((side) => (side === '' ? [] : side.split(':').map((group) => Number.parseInt(group, 16))));
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

import { scalar } from '#declaration';

export const NAME = /^[a-z][a-z0-9-]{0,62}$/;

export const text = (shape = 'text') =>
  scalar({ type: 'string' }, shape, (value) => (value === '' ? undefined : value));
export const name = scalar({ type: 'string', pattern: NAME.source }, 'a name of a-z, 0-9 and -', (value) =>
  NAME.test(value) ? value : undefined,
);
export const count = (least: number, most: number) =>
  scalar({ type: ['integer', 'string'] }, `a whole number from ${least} to ${most}`, (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    return number >= least && number <= most ? number : undefined;
  });
export const choice = <T extends string>(...choices: T[]) =>
  scalar({ enum: choices }, `one of ${choices.join(', ')}`, (value) =>
    choices.find((known) => known === value),
  );

const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const duration = scalar(
  { type: 'string' },
  'a duration with its unit, such as 500ms, 2s, 5m, 24h or 7d',
  (value) => {
    const match = /^(\d{1,6})(ms|s|m|h|d)$/.exec(value);
    const unit = DURATION_MS[match?.[2] ?? ''];
    return match && unit !== undefined ? Number(match[1]) * unit : undefined;
  },
);

const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
export const size = scalar({ type: 'string' }, 'a size with its unit, such as 512KiB or 16MiB', (value) => {
  const match = /^(\d{1,6})(B|KiB|MiB|GiB)$/.exec(value);
  const unit = SIZE_BYTES[match?.[2] ?? ''];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
});

function hostAndPort(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  return match && port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined;
}

export const listenAddress = scalar(
  { type: 'string' },
  'an address and port, such as 127.0.0.1:2575 or [::1]:2575',
  hostAndPort,
);

/** Who is connected to: an address and a port that is not 0. */
export const peerAddress = scalar(
  { type: 'string' },
  'a host and port, such as ehr.hospital.example:2575 or [::1]:2575',
  (value) => {
    const address = hostAndPort(value);
    return address && address.port > 0 ? address : undefined;
  },
);

/** Secrets and keys stand in files, never in the channel file. */
export const fileReference = scalar(
  { type: 'string', pattern: '^file:' },
  'a file, such as file:/run/secrets/mllp.key',
  (value) => (value.startsWith('file:') && value.length > 5 ? value.slice(5) : undefined),
);

export const messageType = scalar(
  { type: 'string' },
  'a message type, such as ORU^R01, ADT^* for all of ADT, or CDA for documents; for files of rows a map, such as csv.labs',
  (value) =>
    /^(?:[A-Z0-9]{3}\^(?:[A-Z0-9]{3}|\*)|CDA|[a-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+)$/.test(value)
      ? value
      : undefined,
);

export const url = scalar(
  { type: 'string', format: 'uri' },
  'a URL that begins with http:// or https://',
  (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    return parsed && /^https?:$/.test(parsed.protocol) ? value : undefined;
  },
);

/** For `checked`: exactly one of these keys is there. `second` says where another one belongs. */
export function onlyOne<Key extends string>(
  value: Readonly<Partial<Record<Key, unknown>>>,
  keys: readonly Key[],
  { message, second }: { readonly message: string; readonly second: string },
): { readonly message: string; readonly remedy: string } | undefined {
  if (keys.filter((key) => value[key] !== undefined).length === 1) return undefined;
  return { message, remedy: `write one of ${keys.join(', ')}; ${second}` };
}

import { checked, list, object, optional, placed, record, required, scalar, wordOr } from '#declaration';

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

const text = (shape = 'text') =>
  scalar({ type: 'string' }, shape, (value) => (value === '' ? undefined : value));
const name = scalar({ type: 'string', pattern: NAME.source }, 'a name of a-z, 0-9 and -', (value) =>
  NAME.test(value) ? value : undefined,
);
const count = (least: number, most: number) =>
  scalar({ type: ['integer', 'string'] }, `a whole number from ${least} to ${most}`, (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    return number >= least && number <= most ? number : undefined;
  });
const choice = <T extends string>(...choices: T[]) =>
  scalar({ enum: choices }, `one of ${choices.join(', ')}`, (value) =>
    choices.find((known) => known === value),
  );

const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const duration = scalar(
  { type: 'string' },
  'a duration with its unit, such as 500ms, 2s, 5m, 24h or 7d',
  (value) => {
    const match = /^(\d{1,6})(ms|s|m|h|d)$/.exec(value);
    const unit = DURATION_MS[match?.[2] ?? ''];
    return match && unit !== undefined ? Number(match[1]) * unit : undefined;
  },
);

const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const size = scalar({ type: 'string' }, 'a size with its unit, such as 512KiB or 16MiB', (value) => {
  const match = /^(\d{1,6})(B|KiB|MiB|GiB)$/.exec(value);
  const unit = SIZE_BYTES[match?.[2] ?? ''];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
});

const listenAddress = scalar(
  { type: 'string' },
  'an address and port, such as 127.0.0.1:2575 or [::1]:2575',
  (value) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(value);
    const port = Number(match?.[3]);
    return match && port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined;
  },
);

/** Secrets and keys stand in files, never in the channel file. */
const fileReference = scalar(
  { type: 'string', pattern: '^file:' },
  'a file, such as file:/run/secrets/mllp.key',
  (value) => (value.startsWith('file:') && value.length > 5 ? value.slice(5) : undefined),
);

const messageType = scalar(
  { type: 'string' },
  'a message type, such as ORU^R01, ADT^* for all of ADT, or CDA for documents; for files of rows a map, such as csv.labs',
  (value) =>
    /^(?:[A-Z0-9]{3}\^(?:[A-Z0-9]{3}|\*)|CDA|[a-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+)$/.test(value)
      ? value
      : undefined,
);

/** What goes before the layout of a map; a tab is written \t. */
const csv = object({
  delimiter: optional(
    text('one sign, or auto'),
    'what divides cells; auto: comma, semicolon, tab or pipe, whichever the file has',
  ),
  quote: optional(text('one sign, none or auto'), 'what stands around cells'),
  encoding: optional(text('an encoding, such as windows-1252, or auto'), 'how bytes are text'),
  header: optional(choice('true', 'false', 'auto'), 'whether the first row names the columns'),
  decimal: optional(choice('.', ',', 'auto'), 'the decimal sign'),
  dates: optional(list(text('a form, such as dd.MM.yyyy HH:mm or excel'), 20), 'how dates are written'),
  zone: optional(text('a time zone, such as Europe/Vienna'), 'of moments that name none'),
  nulls: optional(list(text('a text'), 50), 'cells that say that there is nothing, beside empty ones'),
  comment: optional(text('how such lines begin'), 'lines that are no rows'),
  skip: optional(list(text('a word'), 50), 'rows whose first cell is one of these are no data'),
  skip_lines: optional(count(0, 100_000), 'lines before the header'),
});

const url = scalar(
  { type: 'string', format: 'uri' },
  'a URL that begins with http:// or https://',
  (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    return parsed && /^https?:$/.test(parsed.protocol) ? value : undefined;
  },
);

const tls = object({
  cert: required(fileReference, 'certificate chain, PEM'),
  key: required(fileReference, 'private key, PEM'),
  client_ca: optional(fileReference, 'authority whose client certificates are required'),
});

const accept = required(
  list(messageType, 500),
  'the message types that this channel takes; others are refused, with AR where they are answered',
);

const mllp = object({
  listen: required(listenAddress, 'where to listen'),
  accept,
  tls: optional(tls, 'TLS; with client_ca only senders with a certificate of that authority get in'),
  frame_max: optional(size, 'largest message; default 16MiB'),
  idle_timeout: optional(duration, 'a connection silent for longer is closed; default 10m'),
  max_connections: optional(count(1, 100_000), 'connections at one time; default 4096'),
});

/** What every source of files says. */
const files = {
  format: optional(
    wordOr(
      choice('auto', 'hl7v2', 'cda', 'csv'),
      object({ csv: required(csv, 'files of rows, and how they are written') }),
    ),
    'what the files hold; auto looks at how each begins, and takes rows where accept names maps of them; default auto',
  ),
  accept,
  max_size: optional(size, 'largest file; default 2GiB, of a request 16MiB'),
  unit_max: optional(size, 'largest message in a file; default 16MiB'),
  zip: optional(
    object({
      max_files: optional(count(1, 1_000_000), 'files in one archive; default 10000'),
      max_size: optional(size, 'all of it, unpacked; default 2GiB'),
      max_ratio: optional(count(1, 1_100), 'how many times larger it may be unpacked; default 200'),
    }),
    'limits of zip archives, whose files are taken like others',
  ),
};

const folder = {
  ...files,
  pattern: optional(text('names, such as *.hl7'), 'which files; * is any characters, ? one; default *'),
  order: optional(choice('name', 'time'), 'in which order the files are taken; default name'),
  poll: optional(duration, 'how often to look; default 2s, over SFTP 30s'),
  settle: optional(duration, 'a file is taken when size and time have not changed for so long; default 5s'),
  checksum: optional(
    choice('if_present', 'required'),
    'a file NAME.sha256 or NAME.md5 is checked; required: a file waits for it; default if_present',
  ),
  archive: optional(
    text('a folder'),
    'where taken files go, with a report each; default archive, below path',
  ),
  error: optional(text('a folder'), 'where files go that cannot be taken; default error, below path'),
};

const directory = object({
  path: required(text('a folder'), 'the folder that files are taken from'),
  ...folder,
});

const http = checked(
  object({
    listen: required(listenAddress, 'where to listen'),
    path: optional(
      scalar({ type: 'string', pattern: '^/' }, 'a path, such as /messages', (value) =>
        /^\/[\w./~-]*$/.test(value) ? value : undefined,
      ),
      'the path of the URL; default /',
    ),
    tls: optional(tls, 'TLS; with client_ca only senders with a certificate of that authority get in'),
    authorization: optional(fileReference, 'file with the value that the Authorization header must have'),
    request_timeout: optional(duration, 'a request must be complete within this; default 60s'),
    max_connections: optional(count(1, 100_000), 'connections at one time; default 256'),
    ...files,
  }),
  ({ listen, authorization, tls: secured }) =>
    authorization !== undefined ||
    secured?.client_ca !== undefined ||
    /^(127\.|::1$|localhost$)/.test(listen.host)
      ? undefined
      : {
          message: 'anybody who reaches this address could send messages',
          remedy: 'add authorization: file:/run/secrets/NAME or tls with client_ca, or listen on 127.0.0.1',
        },
);

const sftp = object({
  host: required(text('a host name or address'), 'the SFTP server'),
  port: optional(count(1, 65_535), 'default 22'),
  user: required(text('a user name'), 'the account there'),
  key: required(fileReference, 'private key, OpenSSH or PEM, without a passphrase'),
  host_key: required(
    scalar(
      { type: 'string', pattern: '^SHA256:' },
      'a fingerprint such as SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU (ssh-keygen -lf)',
      (value) => /^SHA256:([A-Za-z0-9+/]{43})$/.exec(value)?.[1],
    ),
    'fingerprint of the key of the server; no other server is talked to',
  ),
  path: required(text('a folder'), 'the folder there that files are taken from'),
  ...folder,
});

const sourceNames = ['mllp', 'directory', 'http', 'sftp'] as const;

const source = checked(
  object({
    mllp: optional(mllp, 'HL7 v2 over MLLP'),
    directory: optional(directory, 'files of a folder'),
    http: optional(http, 'files that are sent by HTTP POST'),
    sftp: optional(sftp, 'files of a folder on an SFTP server'),
  }),
  (value) =>
    sourceNames.filter((one) => value[one] !== undefined).length === 1
      ? undefined
      : {
          message: 'a channel has one source',
          remedy: `write one of ${sourceNames.join(', ')}; a second source is a channel of its own`,
        },
);

const retry = object({
  first_after: optional(duration, 'wait before the second attempt; default 1s'),
  at_most_every: optional(duration, 'the wait doubles up to this; default 5m'),
  give_up_after: optional(duration, 'then the delivery is dead and the next goes on; default never'),
});

const destination = object({
  http: required(
    object({
      url: required(url, 'receives a POST with a FHIR Bundle for each message'),
      authorization: optional(fileReference, 'file with the value of the Authorization header'),
      timeout: optional(duration, 'for one attempt; default 30s'),
    }),
    'an HTTP receiver',
  ),
  retry: optional(retry, 'what to do while the receiver is down'),
});

export const channelField = object({
  channel: required(name, 'name of the channel, unique in the folder'),
  owner: optional(text(), 'whom to call'),
  source: required(source, 'where messages enter'),
  order: optional(
    choice('per_patient', 'strict'),
    'strict: all messages of the channel one after the other; default per_patient',
  ),
  filter: optional(
    list(
      object({
        drop_when: required(
          placed(text("a condition, such as MSH-11.1 == 'T'")),
          'a condition on the message: on fields of HL7 v2, elements of a document or columns of rows',
        ),
        reason: required(text(), 'why; shown in trace'),
      }),
      100,
    ),
    'messages to drop, with the reason',
  ),
  transform: required(
    object({
      mapping: required(text('a folder of mappings'), 'folder of mappings, such as hl7v2'),
      layers: optional(
        list(placed(name), 20),
        'layers over the mappings, the highest last, such as [us, site-example]; folders under layers',
      ),
      with: optional(
        record(text(), /^[a-z][a-z0-9_]*$/),
        'parameters for the mapping, read there as channel.<name>',
      ),
    }),
    'how messages become FHIR',
  ),
  routes: optional(
    list(
      object({
        to: required(name, 'a destination of this file'),
        types: optional(list(text('a FHIR resource type'), 150), 'only messages that produce one of these'),
      }),
      100,
    ),
    'which destinations get the FHIR of a message; the store always gets it',
  ),
  destinations: optional(record(destination, NAME), 'where messages leave'),
});

/** A channel as its file declares it: durations in milliseconds, sizes in bytes, references resolved to paths. */
export type ChannelFile = NonNullable<ReturnType<(typeof channelField)['read']>>;

/** The message types that the channel takes, whatever its source. */
export function acceptedBy({
  source: { mllp: one, directory: two, http: three, sftp: four },
}: ChannelFile): readonly string[] {
  return (one ?? two ?? three ?? four)?.accept ?? [];
}

import { checked, list, object, optional, required, scalar, wordOr } from '#declaration';
import {
  choice,
  count,
  duration,
  fileReference,
  listenAddress,
  messageType,
  onlyOne,
  size,
  text,
} from './channel-values.js';

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

/** Where messages enter. */
export const source = checked(
  object({
    mllp: optional(mllp, 'HL7 v2 over MLLP'),
    directory: optional(directory, 'files of a folder'),
    http: optional(http, 'files that are sent by HTTP POST'),
    sftp: optional(sftp, 'files of a folder on an SFTP server'),
  }),
  (value) =>
    onlyOne(value, sourceNames, {
      message: 'a channel has one source',
      second: 'a second source is a channel of its own',
    }),
);

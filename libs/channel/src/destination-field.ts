import { checked, list, object, optional, record, required, scalar } from '#declaration';
import { isResourceType } from '#fhir';
import { choice, count, duration, fileReference, onlyOne, peerAddress, text, url } from './channel-values.js';

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;
const resourceType = scalar({ type: 'string' }, 'a FHIR R4 resource type, such as Observation', (value) =>
  isResourceType(value) ? value : undefined,
);

const timeout = optional(duration, 'for one attempt; default 30s');
const authorization = optional(fileReference, 'file with the value of the Authorization header');

const http = object({
  url: required(url, 'receives a POST with a FHIR Bundle for each message'),
  authorization,
  sign: optional(
    scalar(
      { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' },
      'the name of a key, of a-z, 0-9, - and _',
      (value) => (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(value) ? value : undefined),
    ),
    'file of SUTURE_WEBHOOK_KEYS with the key that signs each request (Standard Webhooks)',
  ),
  timeout,
});

const smart = object({
  token_url: required(url, 'the token endpoint'),
  client: required(text('a client id'), 'what the server knows us as'),
  key: required(fileReference, 'our private key as a JWK with kid: P-384 (ES384) or RSA (RS384)'),
  scope: required(text('scopes, such as system/*.cruds'), 'what to ask for'),
});

const fhir = checked(
  object({
    url: required(url, 'base address of a FHIR R4 server'),
    mode: optional(
      choice('transaction', 'update'),
      'transaction: a message is one Bundle, all or nothing; update: a PUT for each resource, what is referred to first; default transaction',
    ),
    identifiers: optional(
      record(text('the URI of an identifier system'), TYPE, 'write a FHIR R4 resource type, such as Patient'),
      'for a resource type the identifier system by which the server finds its own (conditional update); others go under our id',
    ),
    without: optional(list(resourceType, 150), 'resource types that it does not get'),
    authorization,
    smart: optional(smart, 'SMART Backend Services: tokens by a signed assertion (private_key_jwt)'),
    timeout,
  }),
  ({ authorization: fixed, smart: asked }) =>
    fixed !== undefined && asked !== undefined
      ? { message: 'authorization and smart exclude each other', remedy: 'keep one of them' }
      : undefined,
);

const mllp = object({
  address: required(peerAddress, 'the receiver, which answers each message with an acknowledgment'),
  tls: optional(
    object({
      ca: optional(fileReference, "authorities to trust instead of the system's, PEM"),
      cert: optional(fileReference, 'our certificate, PEM'),
      key: optional(fileReference, 'its private key, PEM'),
      server_name: optional(text('a host name'), 'the name in the certificate, where it is not the host'),
    }),
    'TLS; {} trusts what the system trusts',
  ),
  character_set: optional(
    choice('as_received', 'utf-8'),
    'utf-8: text is converted and MSH-18 says so; default as_received: byte for byte',
  ),
  connections: optional(
    count(1, 64),
    'connections, each kept open with one message at a time in flight; default 1',
  ),
  timeout: optional(duration, 'how long to wait for an acknowledgment; default 30s'),
});

const directory = object({
  path: required(text('a folder'), 'the folder that files are written to; it must be there'),
  format: optional(
    choice('bundle', 'ndjson', 'raw'),
    'bundle: a FHIR Bundle; ndjson: a resource a line; raw: the message as it was received; default bundle',
  ),
});

const retry = object({
  first_after: optional(duration, 'wait before the second attempt; default 1s'),
  at_most_every: optional(duration, 'the wait doubles up to this; default 5m'),
  give_up_after: optional(duration, 'then the delivery is dead and the next goes on; default never'),
});

const destinationKinds = ['http', 'fhir', 'mllp', 'directory'] as const;

/** Where messages leave. */
export const destination = checked(
  object({
    http: optional(http, 'an HTTP receiver'),
    fhir: optional(fhir, 'a FHIR R4 server'),
    mllp: optional(mllp, 'a receiver of HL7 v2 over MLLP, which gets the message itself'),
    directory: optional(directory, 'a folder, which gets a file for each message'),
    retry: optional(retry, 'what to do while the receiver is down'),
  }),
  (value) =>
    onlyOne(value, destinationKinds, {
      message: 'a destination is of one kind',
      second: 'a second receiver is a destination of its own',
    }),
);

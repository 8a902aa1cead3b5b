import { Decimal, type FhirObject, type FhirValue } from '#fhir';
import { EngineError } from '#kernel';
import { compileInterest, type Interest, interestText, noTopics, type TopicCatalog } from '#topics';

/** How much of a matching resource a notification holds (R5 backport 1.1, payload content). */
export type NotificationContent = 'empty' | 'id-only' | 'full-resource';

/** What a Subscription asks for, checked. */
export interface SubscriptionRequest {
  /** False: filed as 'off'. */
  readonly wanted: boolean;
  readonly criteriaText: string;
  readonly interest: Interest;
  readonly channel: 'rest-hook' | 'websocket';
  /** Empty for a websocket, which the subscriber opens. */
  readonly endpoint: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly content: NotificationContent;
  /** How notifications are written. */
  readonly format: 'json' | 'xml';
  /** Most resources in one notification, unless one event alone has more. */
  readonly maxCount: number;
  readonly timeoutMs: number;
  /** The endpoint is sent a heartbeat when it has had nothing for so long; undefined: none. */
  readonly heartbeatMs: number | undefined;
  /** Name of the key that signs each request (Standard Webhooks); undefined: none. */
  readonly signingKey: string | undefined;
  readonly endsAtMs: number | undefined;
}

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
export const NOTIFICATION_CONTENTS: readonly NotificationContent[] = ['empty', 'id-only', 'full-resource'];
const SIGNING_KEY = 'https://suture.example/StructureDefinition/webhook-signing-key';
const KEY_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const DEFAULT_MAX_COUNT = 20;
const MOST_MAX_COUNT = 100;
const DEFAULT_TIMEOUT_S = 30;
const MOST_TIMEOUT_S = 120;
/** Four weeks: fits the column, and nobody waits longer to learn that a line is dead. */
const MOST_HEARTBEAT_S = 28 * 86_400;
const MOST_HEADERS = 20;
const MOST_FILTERS = 20;
const MOST_URL_CHARACTERS = 2048;
/** A header as R4 writes it, `Name: value` (RFC 9110, section 5), without anything that could end the line. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\x20-\x7e]{0,4096})$/;
/** What we or HTTP itself set; a subscriber that could would forge the framing or our numbers. */
const RESERVED_HEADER =
  /^(suture-.*|webhook-.*|idempotency-key|content-(type|length|encoding)|transfer-encoding|connection|keep-alive|upgrade|te|trailer|host|expect|proxy-.*)$/i;

function refuse(at: string, code: string, message: string): EngineError {
  return new EngineError('rejected', code, `${at}: ${message}`, { cause: { at } });
}

/**
 * Reads and checks a FHIR R4 Subscription. Throws `rejected` with the element and what to write instead; whatever this
 * engine cannot do is refused, never ignored.
 */
export function readSubscription(resource: FhirObject, topics: TopicCatalog = noTopics): SubscriptionRequest {
  if (resource['resourceType'] !== 'Subscription') {
    throw refuse('Subscription', 'SUBSCRIPTION_INVALID', 'this is another resource type');
  }
  if (resource['modifierExtension'] !== undefined) {
    throw refuse('Subscription.modifierExtension', 'SUBSCRIPTION_UNSUPPORTED', 'none is understood here');
  }
  const status = resource['status'];
  if (status !== 'requested' && status !== 'active' && status !== 'off') {
    throw refuse('Subscription.status', 'SUBSCRIPTION_INVALID', "write 'requested', or 'off' to stop it");
  }
  if (typeof resource['reason'] !== 'string' || resource['reason'] === '') {
    throw refuse('Subscription.reason', 'SUBSCRIPTION_INVALID', 'say in a sentence why it was created');
  }
  const channel = objectOf(resource['channel']);
  return {
    wanted: status !== 'off',
    ...interestOf(resource, topics),
    ...channelOf(channel),
    endsAtMs: endOf(resource['end']),
  };
}

function interestOf(
  resource: FhirObject,
  topics: TopicCatalog,
): Pick<SubscriptionRequest, 'criteriaText' | 'interest'> {
  const at = 'Subscription.criteria';
  const criteria = resource['criteria'];
  if (typeof criteria !== 'string' || criteria === '' || criteria.includes('\n')) {
    throw refuse(at, 'SUBSCRIPTION_INVALID', 'write what to look for, such as Observation?patient=Patient/1');
  }
  const filters = filtersOf(objectOf(resource['_criteria'])['extension']);
  const criteriaText = interestText(criteria, filters);
  const interest = compileInterest(criteriaText, topics);
  if (filters.length > 0 && interest.topic === undefined) {
    throw refuse(at, 'SUBSCRIPTION_UNSUPPORTED', 'filters are of topics; put all of it into the search');
  }
  return { criteriaText, interest };
}

/** The filters of a topic (extension backport-filter-criteria); any other extension might change what is meant. */
function filtersOf(extensions: FhirValue | undefined): string[] {
  const items = extensions === undefined ? [] : Array.isArray(extensions) ? extensions : [extensions];
  if (items.length > MOST_FILTERS)
    throw refuse('Subscription.criteria', 'SUBSCRIPTION_INVALID', `at most ${MOST_FILTERS} filters`);
  return items.map((item) => {
    const { url, valueString } = objectOf(item) as { url?: FhirValue; valueString?: FhirValue };
    if (
      url !== `${BACKPORT}filter-criteria` ||
      typeof valueString !== 'string' ||
      /[\r\n]/.test(valueString)
    ) {
      throw refuse(
        'Subscription.criteria.extension',
        'SUBSCRIPTION_UNSUPPORTED',
        'only backport-filter-criteria is understood, with a search such as Observation?patient=Patient/1',
      );
    }
    return valueString;
  });
}

type Channel = Pick<
  SubscriptionRequest,
  | 'channel'
  | 'endpoint'
  | 'headers'
  | 'content'
  | 'format'
  | 'maxCount'
  | 'timeoutMs'
  | 'heartbeatMs'
  | 'signingKey'
>;

function channelOf(channel: FhirObject): Channel {
  const type = channel['type'];
  if ((type !== 'rest-hook' && type !== 'websocket') || channel['_type'] !== undefined) {
    throw refuse(
      'Subscription.channel.type',
      'SUBSCRIPTION_UNSUPPORTED',
      "only 'rest-hook' and 'websocket' are offered",
    );
  }
  const extensions = extensionsOf(channel['extension']);
  const maxCount = wholeNumber(extensions.get('max-count')?.['valuePositiveInt'], DEFAULT_MAX_COUNT);
  const timeoutS = wholeNumber(extensions.get('timeout')?.['valueUnsignedInt'], DEFAULT_TIMEOUT_S);
  const heartbeatS = wholeNumber(extensions.get('heartbeat-period')?.['valueUnsignedInt'], undefined);
  return {
    channel: type,
    endpoint: type === 'websocket' ? '' : endpointOf(channel['endpoint']),
    headers: headersOf(channel['header']),
    content: contentOf(channel),
    format: formatOf(channel['payload']),
    maxCount: Math.min(maxCount, MOST_MAX_COUNT),
    timeoutMs: Math.min(timeoutS, MOST_TIMEOUT_S) * 1_000,
    signingKey: signingKeyOf(channel['extension']),
    heartbeatMs: heartbeatS && Math.min(heartbeatS, MOST_HEARTBEAT_S) * 1_000,
  };
}

function endpointOf(endpoint: FhirValue | undefined): string {
  const at = 'Subscription.channel.endpoint';
  const url =
    typeof endpoint === 'string' && endpoint.length <= MOST_URL_CHARACTERS && URL.canParse(endpoint)
      ? new URL(endpoint)
      : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw refuse(at, 'SUBSCRIPTION_INVALID', 'write an address that begins with https:// or http://');
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse(at, 'SUBSCRIPTION_INVALID', 'a password does not belong in an address; use channel.header');
  }
  url.hash = '';
  return url.href;
}

function headersOf(header: FhirValue | undefined): string[] {
  const at = 'Subscription.channel.header';
  const lines = header === undefined ? [] : Array.isArray(header) ? header : [header];
  if (lines.length > MOST_HEADERS) {
    throw refuse(at, 'SUBSCRIPTION_INVALID', `at most ${MOST_HEADERS} headers`);
  }
  return lines.flatMap((line) => {
    const [, name = '', value = ''] = (typeof line === 'string' ? HEADER.exec(line) : undefined) ?? [];
    if (name === '') throw refuse(at, 'SUBSCRIPTION_INVALID', "write each as 'Name: value', in ASCII");
    if (RESERVED_HEADER.test(name)) {
      throw refuse(at, 'SUBSCRIPTION_INVALID', 'one of these headers is set by the engine itself');
    }
    return [name, value];
  });
}

/** Our own extension names a key of the operator; the key itself is never in a resource. */
function signingKeyOf(extensions: FhirValue | undefined): string | undefined {
  const items = Array.isArray(extensions) ? extensions.map(objectOf) : [];
  const name = items.find(({ url }) => url === SIGNING_KEY)?.['valueString'];
  if (name === undefined || (typeof name === 'string' && KEY_NAME.test(name))) return name;
  throw refuse(
    'Subscription.channel.extension',
    'SUBSCRIPTION_INVALID',
    'write the name of a signing key, of a-z, 0-9, - and _',
  );
}

/** Without a payload R4 sends none; with one, and no word of the backport on how much, all of it. */
function contentOf(channel: FhirObject): NotificationContent {
  const at = 'Subscription.channel.payload';
  const payload = channel['payload'];
  const asked = extensionsOf(objectOf(channel['_payload'])['extension']).get('payload-content')?.[
    'valueCode'
  ];
  const content = NOTIFICATION_CONTENTS.find((known) => known === asked);
  if (asked !== undefined && content === undefined) {
    throw refuse(at, 'SUBSCRIPTION_INVALID', `the content is one of ${NOTIFICATION_CONTENTS.join(', ')}`);
  }
  return content ?? (payload === undefined ? 'empty' : 'full-resource');
}

const FORMATS: Readonly<Record<string, 'json' | 'xml'>> = {
  'application/fhir+json': 'json',
  'application/json': 'json',
  'application/fhir+xml': 'xml',
  'application/xml': 'xml',
};

function formatOf(payload: FhirValue | undefined): 'json' | 'xml' {
  if (payload === undefined) return 'json';
  const format = typeof payload === 'string' ? FORMATS[payload] : undefined;
  if (format !== undefined) return format;
  throw refuse(
    'Subscription.channel.payload',
    'SUBSCRIPTION_UNSUPPORTED',
    "'application/fhir+json' and 'application/fhir+xml' are sent",
  );
}

function endOf(end: FhirValue | undefined): number | undefined {
  if (end === undefined) return undefined;
  const endsAtMs = typeof end === 'string' ? Date.parse(end) : Number.NaN;
  if (Number.isNaN(endsAtMs)) {
    throw refuse(
      'Subscription.end',
      'SUBSCRIPTION_INVALID',
      'write an instant, such as 2027-01-31T12:00:00Z',
    );
  }
  return endsAtMs;
}

/** Extensions of the backport guide by the last part of their name. */
function extensionsOf(value: FhirValue | undefined): Map<string, FhirObject> {
  const extensions = new Map<string, FhirObject>();
  for (const item of Array.isArray(value) ? value : []) {
    const extension = objectOf(item);
    const url = extension['url'];
    if (typeof url === 'string' && url.startsWith(BACKPORT))
      extensions.set(url.slice(BACKPORT.length), extension);
  }
  return extensions;
}

function objectOf(value: FhirValue | undefined): FhirObject {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && !(value instanceof Decimal) ? value : {};
}

function wholeNumber<Otherwise>(value: FhirValue | undefined, otherwise: Otherwise): number | Otherwise {
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw refuse('Subscription.channel.extension', 'SUBSCRIPTION_INVALID', 'write a whole number above 0');
}

import { describe, expect, test } from '@jest/globals';
import type { FhirObject, FhirValue } from '#fhir';
import { isEngineError } from '#kernel';
import { readSubscription } from './subscription-request.js';

const backport = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const channel: FhirObject = {
  type: 'rest-hook',
  endpoint: 'https://ehr.example/hook',
  payload: 'application/fhir+json',
};
const good: FhirObject = {
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'results for the ward',
  criteria: 'Observation?patient=Patient/p1',
  channel,
};
const withChannel = (change: FhirObject): FhirObject => ({ ...good, channel: { ...channel, ...change } });
const extension = (name: string, key: string, value: FhirValue) => ({
  url: `${backport}${name}`,
  [key]: value,
});

function refusalOf(resource: FhirObject): string {
  try {
    readSubscription(resource);
  } catch (error) {
    if (isEngineError(error, 'rejected')) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

describe('a Subscription as it is filed', () => {
  test('a plain R4 Subscription is understood with its defaults', () => {
    expect(readSubscription(good)).toMatchObject({
      wanted: true,
      criteriaText: 'Observation?patient=Patient/p1',
      interest: { type: 'Observation', topic: undefined },
      endpoint: 'https://ehr.example/hook',
      headers: [],
      content: 'full-resource',
      maxCount: 20,
      timeoutMs: 30_000,
      endsAtMs: undefined,
    });
  });

  test('the extensions of the backport set content, count, timeout and heartbeat, within bounds', () => {
    const request = readSubscription(
      withChannel({
        _payload: { extension: [extension('payload-content', 'valueCode', 'id-only')] },
        extension: [
          extension('max-count', 'valuePositiveInt', 5_000),
          extension('timeout', 'valueUnsignedInt', 7),
          extension('heartbeat-period', 'valueUnsignedInt', 60),
        ],
        header: ['Authorization: Bearer abc', 'X-Ward:  7'],
      }),
    );
    expect(request).toMatchObject({
      content: 'id-only',
      maxCount: 100,
      timeoutMs: 7_000,
      heartbeatMs: 60_000,
    });
    expect(request.headers).toEqual(['Authorization', 'Bearer abc', 'X-Ward', '7']);
  });

  test('without a payload a notification has no content', () => {
    const { payload: _payload, ...bare } = channel;
    expect(readSubscription({ ...good, channel: bare }).content).toBe('empty');
  });

  test('a status of off is kept as a wish not to be served', () => {
    expect(readSubscription({ ...good, status: 'off' }).wanted).toBe(false);
  });

  test.each<[string, FhirObject, string]>([
    ['another resource type', { ...good, resourceType: 'Patient' }, 'SUBSCRIPTION_INVALID'],
    ['a status that only we may set', { ...good, status: 'error' }, 'SUBSCRIPTION_INVALID'],
    ['no reason', { ...good, reason: '' }, 'SUBSCRIPTION_INVALID'],
    ['no criteria', { ...good, criteria: '' }, 'SUBSCRIPTION_INVALID'],
    ['an unknown topic', { ...good, criteria: 'http://example.org/topic' }, 'SUBSCRIPTION_TOPIC_UNKNOWN'],
    [
      'another extension of the criteria',
      { ...good, _criteria: { extension: [{ url: 'urn:other', valueString: 'x' }] } },
      'SUBSCRIPTION_UNSUPPORTED',
    ],
    [
      'a filter without a topic',
      { ...good, _criteria: { extension: [extension('filter-criteria', 'valueString', 'Observation?')] } },
      'SUBSCRIPTION_UNSUPPORTED',
    ],
    ['an unknown type', { ...good, criteria: 'Nothing?patient=1' }, 'SEARCH_TYPE_UNKNOWN'],
    ['an unknown parameter', { ...good, criteria: 'Observation?mood=good' }, 'SEARCH_PARAMETER_UNKNOWN'],
    ['no channel', { ...good, channel: {} }, 'SUBSCRIPTION_UNSUPPORTED'],
    ['an e-mail', withChannel({ type: 'email' }), 'SUBSCRIPTION_UNSUPPORTED'],
    ['a file as endpoint', withChannel({ endpoint: 'file:/etc/passwd' }), 'SUBSCRIPTION_INVALID'],
    ['no address', withChannel({ endpoint: 'ehr.example' }), 'SUBSCRIPTION_INVALID'],
    [
      'a password in the address',
      withChannel({ endpoint: 'https://a:b@ehr.example/' }),
      'SUBSCRIPTION_INVALID',
    ],
    ['plain text', withChannel({ payload: 'text/plain' }), 'SUBSCRIPTION_UNSUPPORTED'],
    [
      'an unknown content',
      withChannel({ _payload: { extension: [extension('payload-content', 'valueCode', 'all')] } }),
      'SUBSCRIPTION_INVALID',
    ],
    [
      'a heartbeat of no time',
      withChannel({ extension: [extension('heartbeat-period', 'valueUnsignedInt', 0)] }),
      'SUBSCRIPTION_INVALID',
    ],
    [
      'a count of none',
      withChannel({ extension: [extension('max-count', 'valuePositiveInt', 0)] }),
      'SUBSCRIPTION_INVALID',
    ],
    ['a header that ends the line', withChannel({ header: ['X: a\r\nY: b'] }), 'SUBSCRIPTION_INVALID'],
    ['a header of ours', withChannel({ header: ['Suture-Event-Number: 1'] }), 'SUBSCRIPTION_INVALID'],
    [
      'a header that frames the request',
      withChannel({ header: ['Content-Length: 1'] }),
      'SUBSCRIPTION_INVALID',
    ],
    [
      'a signing key that is no name',
      withChannel({
        extension: [
          { url: 'https://suture.example/StructureDefinition/webhook-signing-key', valueString: '../../etc' },
        ],
      }),
      'SUBSCRIPTION_INVALID',
    ],
    ['a signature of its own', withChannel({ header: ['Webhook-Signature: v1a,x'] }), 'SUBSCRIPTION_INVALID'],
    ['an end that is no time', { ...good, end: 'soon' }, 'SUBSCRIPTION_INVALID'],
    ['a modifier', { ...good, modifierExtension: [] }, 'SUBSCRIPTION_UNSUPPORTED'],
  ])('%s is refused with its place', (_what, resource, code) => {
    expect(refusalOf(resource)).toMatch(new RegExp(`^${code} `));
  });
});

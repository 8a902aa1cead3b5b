import type { FhirObject } from '#fhir';
import {
  compileConditions,
  cutModifier,
  instantQuery,
  invalidValue,
  parametersOf,
  type QueryPair,
  unknownParameter,
} from '#search';
import type { SubscriptionRegistry, SubscriptionVersion } from './api-services.js';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1_000;

/** What a search of subscriptions takes: all of R4 (but what it has for stored resources alone), and the topic. */
export function subscriptionParameters(): readonly { readonly name: string; readonly kind: string }[] {
  return [
    { name: '_id', kind: 'token' },
    { name: '_lastUpdated', kind: 'date' },
    { name: '_text', kind: 'string' },
    { name: '_content', kind: 'string' },
    ...[...parametersOf('Subscription').values()].map(({ name, kind }) => ({ name, kind })),
    { name: 'topic', kind: 'uri' },
  ];
}

const resultParameters = ['_count', '_page', '_summary'];

/** Whether a search knows a parameter, with whatever modifier. */
export function isSubscriptionParameter(nameAndModifier: string): boolean {
  const [name] = cutModifier(nameAndModifier);
  return resultParameters.includes(name) || subscriptionParameters().some((one) => one.name === name);
}

/** One page of a search of subscriptions. */
export interface SubscriptionPage {
  readonly matches: readonly SubscriptionVersion[];
  /** How many match in all, where this page shows it. */
  readonly total: number | undefined;
  readonly followed: readonly QueryPair[];
  /** The value of `_page` for the next page. */
  readonly next: string | undefined;
}

/**
 * Searches subscriptions by every parameter of R4, and by `topic` of the Subscriptions R5 Backport, in order of their ids. They
 * are few and change their status by themselves: each is looked at. Throws `rejected` SEARCH_PARAMETER_UNKNOWN,
 * SEARCH_VALUE_INVALID.
 */
export async function searchSubscriptions(
  registry: Pick<SubscriptionRegistry, 'list'>,
  pairs: readonly QueryPair[],
  nowMs: number,
): Promise<SubscriptionPage> {
  const { count, after, tests, followed } = readSearch(pairs, nowMs);
  const matches: SubscriptionVersion[] = [];
  let found = 0;
  for await (const version of all(registry, after)) {
    if (version.deleted || !tests.every((test) => test(version))) continue;
    found += 1;
    if (found <= count) matches.push(version);
    else if (count > 0) return { matches, total: undefined, followed, next: matches.at(-1)?.id };
  }
  return { matches, total: after === '' ? found : undefined, followed, next: undefined };
}

async function* all(
  registry: Pick<SubscriptionRegistry, 'list'>,
  start: string,
): AsyncGenerator<SubscriptionVersion> {
  for (let after: string | undefined = start; after !== undefined; ) {
    const versions: readonly SubscriptionVersion[] = await registry.list(after);
    yield* versions;
    after = versions.at(-1)?.id;
  }
}

type Test = (version: SubscriptionVersion) => boolean;

function readSearch(pairs: readonly QueryPair[], nowMs: number) {
  let count = DEFAULT_COUNT;
  let after = '';
  const tests: Test[] = [];
  const content: QueryPair[] = [];
  const followed: QueryPair[] = [];
  for (const [name, value] of pairs) {
    if (name !== '_page') followed.push([name, value]);
    switch (name) {
      case '_page':
        after = value;
        break;
      case '_count':
        if (!/^\d{1,9}$/.test(value)) throw invalidValue('_count', `is a number from 0 to ${MAX_COUNT}`);
        count = Math.min(Number(value), MAX_COUNT);
        break;
      case '_summary':
        count = 0;
        break;
      case '_lastUpdated': {
        const isThen = instantQuery(name, value, nowMs).test;
        tests.push(({ lastUpdatedMs }) => isThen(lastUpdatedMs));
        break;
      }
      case 'topic': {
        const topics = value.split(',');
        tests.push(({ resource: { criteria } }) => typeof criteria === 'string' && topics.includes(criteria));
        break;
      }
      default:
        if (name.startsWith('_has') || name.includes('.'))
          throw unknownParameter(
            name,
            'Subscription',
            subscriptionParameters().map((one) => one.name),
          );
        content.push([name, value]);
    }
  }
  const criteria = compileConditions('Subscription', content, {});
  tests.push((version) => criteria.matches(contentOf(version)));
  return { count, after, tests, followed };
}

function contentOf({ id, resource }: SubscriptionVersion): FhirObject {
  return { ...resource, resourceType: 'Subscription', id };
}

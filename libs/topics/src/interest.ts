import type { FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import { compileCriteria } from '#search';
import type { Topic } from './topic.js';
import type { TopicCatalog } from './topic-catalog.js';

/** What a subscription wants to hear of: resources that match criteria, or events of a topic that its filters let through. */
export interface Interest {
  readonly type: string;
  /** Undefined: criteria as in R4, which match each resource that a message holds, changed or not. */
  readonly topic: Topic | undefined;
  /** True when every resource of the type matches without being looked at. */
  readonly unconditional: boolean;
  /** Whether criteria, or filters, let the resource through; a topic must be asked beside. */
  matches(resource: FhirObject): boolean;
  /** Whether the end of a resource with that last content is an event: of a topic that tells so, by its filters. */
  concernsDeletion(previous: FhirObject | undefined): boolean;
}

/** The form in which the database keeps an interest: criteria, or the topic and each filter on a line of its own. */
export function interestText(criteria: string, filters: readonly string[]): string {
  return [criteria, ...filters].join('\n');
}

/**
 * Compiles what `interestText` made. Throws `rejected`: SUBSCRIPTION_TOPIC_UNKNOWN with the topics that exist,
 * SUBSCRIPTION_FILTER_UNKNOWN with the filters that the topic allows, and what criteria are refused with.
 */
export function compileInterest(text: string, topics: TopicCatalog): Interest {
  const [first = '', ...filters] = text.split('\n');
  if (!/^(https?|urn):/.test(first)) {
    const criteria = compileCriteria(first);
    const { type, unconditional } = criteria;
    return {
      type,
      topic: undefined,
      unconditional,
      matches: (resource) => criteria.matches(resource),
      concernsDeletion: () => false,
    };
  }
  const topic = topics.find(first);
  if (topic === undefined) {
    const known = topics.urls.join(', ') || 'none';
    throw refuse('SUBSCRIPTION_TOPIC_UNKNOWN', `there is no such topic here; there are: ${known}`);
  }
  const criteria = filters.map((filter) => compileFilter(filter, topic));
  const matches = (resource: FhirObject) => criteria.every((one) => one.matches(resource));
  return {
    type: topic.type,
    topic,
    unconditional: criteria.length === 0,
    matches,
    concernsDeletion: (previous) =>
      topic.tellsDeletions &&
      previous !== undefined &&
      matches(previous) &&
      topic.isTriggeredBy({ current: undefined, previous }),
  };
}

/** `Type?name=value&...`, or only what stands behind the mark. */
function compileFilter(filter: string, topic: Topic): ReturnType<typeof compileCriteria> {
  const mark = filter.indexOf('?');
  const type = mark < 0 ? topic.type : filter.slice(0, mark);
  const query = filter.slice(mark + 1);
  const unknown = [...new URLSearchParams(query).keys()].find(
    (name) => !topic.filters.includes(name.split(':')[0] ?? ''),
  );
  if (type !== topic.type || unknown !== undefined) {
    const known = topic.filters.join(', ') || 'none';
    throw refuse('SUBSCRIPTION_FILTER_UNKNOWN', `this topic filters ${topic.type} by: ${known}`);
  }
  return compileCriteria(`${topic.type}?${query}`);
}

function refuse(code: string, message: string): EngineError {
  return new EngineError('rejected', code, message, { cause: { at: 'Subscription.criteria' } });
}

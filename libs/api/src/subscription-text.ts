import { spliceMeta, writeJson } from '#fhir';
import type { SubscriptionVersion } from './api-services.js';

/** The JSON of a subscription as it reads now. */
export function subscriptionText({ id, version, lastUpdatedMs, resource }: SubscriptionVersion): string {
  const { resourceType: _type, id: _id, ...content } = resource;
  const lastUpdated = new Date(lastUpdatedMs).toISOString();
  const text = writeJson({ resourceType: 'Subscription', id, ...content });
  return spliceMeta(text, { versionId: version, lastUpdated });
}

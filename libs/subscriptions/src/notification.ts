import { type BundleEntry, bundleOf, type FhirObject, headOf, readJson, writeJson } from '#fhir';
import type { Criteria } from '#search';
import type { NotificationContent } from './subscription-request.js';

/** One event as a notification tells it. */
export interface NotifiedEvent {
  readonly number: number;
  readonly atMs: number;
  /** The JSON texts of the message's resources that match, in their order. */
  readonly matches: readonly string[];
}

/** What every notification of a subscription says of it. */
export interface NotificationFrame {
  readonly subscription: string;
  readonly status: string;
  /** Events since the subscription began, this notification's included. */
  readonly events: number;
  /** Base URL of our FHIR API, ends with a slash. */
  readonly fhirUrl: string;
  readonly timestamp: string;
  /** Names the status entry; new for each notification. */
  readonly uuid: string;
}

const STATUS_PROFILE =
  'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4';

/** The resources of a message that a criteria matches: a function of the stored pack, so the same at every attempt. */
export function matchesOf(resources: readonly string[], criteria: Criteria): string[] {
  const start = `{"resourceType":"${criteria.type}",`;
  return resources.filter((text) => {
    if (!text.startsWith(start)) return false;
    return criteria.unconditional || criteria.matches(readJson(text) as FhirObject);
  });
}

/** The Bundle that asks an endpoint whether it is there (Subscriptions R5 Backport 1.1, handshake). */
export function handshake(frame: NotificationFrame): string {
  return bundleOf('history', [statusEntry(frame, 'handshake', [])], { timestamp: frame.timestamp });
}

/**
 * The Bundle that tells events (Subscriptions R5 Backport 1.1, event-notification). An event is one message: its first
 * matching resource is the focus, the others are additional context, because an event has one focus there.
 */
export function eventNotification(
  frame: NotificationFrame,
  content: NotificationContent,
  events: readonly NotifiedEvent[],
): string {
  const entries = [
    statusEntry(
      frame,
      'event-notification',
      events.map((event) => eventPart(event, content)),
    ),
  ];
  if (content !== 'empty') {
    for (const event of events) {
      for (const text of event.matches) entries.push(focusEntry(text, content, frame.fhirUrl));
    }
  }
  return bundleOf('history', entries, { base: frame.fhirUrl, timestamp: frame.timestamp });
}

function statusEntry(frame: NotificationFrame, type: string, events: readonly FhirObject[]): BundleEntry {
  const subscription = `${frame.fhirUrl}Subscription/${frame.subscription}`;
  return {
    fullUrl: `urn:uuid:${frame.uuid}`,
    resource: writeJson({
      resourceType: 'Parameters',
      id: frame.uuid,
      meta: { profile: [STATUS_PROFILE] },
      parameter: [
        { name: 'subscription', valueReference: { reference: subscription } },
        { name: 'status', valueCode: frame.status },
        { name: 'type', valueCode: type },
        { name: 'events-since-subscription-start', valueString: String(frame.events) },
        ...events,
      ],
    }),
    request: { method: 'GET', url: `${subscription}/$status` },
    response: { status: '200' },
  };
}

function eventPart(event: NotifiedEvent, content: NotificationContent): FhirObject {
  const part: FhirObject[] = [
    { name: 'event-number', valueString: String(event.number) },
    { name: 'timestamp', valueInstant: new Date(event.atMs).toISOString() },
  ];
  if (content !== 'empty') {
    event.matches.forEach((text, index) => {
      const { type, id } = headOf(text);
      const name = index === 0 ? 'focus' : 'additional-context';
      part.push({ name, valueReference: { reference: `${type}/${id}` } });
    });
  }
  return { name: 'notification-event', part };
}

/** A history entry needs request and response (R4 bdl-3, bdl-4). */
function focusEntry(text: string, content: NotificationContent, base: string): BundleEntry {
  const { type, id } = headOf(text);
  const url = `${type}/${id}`;
  return {
    fullUrl: `${base}${url}`,
    ...(content === 'full-resource' ? { resource: text } : {}),
    request: { method: 'PUT', url },
    response: { status: '200' },
  };
}

import { type BundleEntry, bundleOf, type FhirObject, headOf, readJson, writeJson } from '#fhir';
import type { Interest } from '#topics';
import type { NotificationContent } from './subscription-request.js';

/** One event as a notification tells it. */
export interface NotifiedEvent {
  readonly number: number;
  readonly atMs: number;
  /** The JSON texts of the message's resources that match, in their order. */
  readonly matches: readonly string[];
  /** `Type/id` of resources whose end is the event. */
  readonly deleted: readonly string[];
  /** The JSON texts of resources that the topic sends along. */
  readonly context: readonly string[];
}

/** Types of notification (R5 value set subscription-notification-type). */
export type NotificationType =
  | 'handshake'
  | 'heartbeat'
  | 'event-notification'
  | 'query-status'
  | 'query-event';

/** What every notification of a subscription says of it. */
export interface NotificationFrame {
  readonly subscription: string;
  readonly status: string;
  /** Events since the subscription began, this notification's included. */
  readonly events: number;
  /** Canonical URL of the topic; undefined: criteria as in R4. */
  readonly topic?: string | undefined;
  /** The last failure, where the status is told to one who asks. */
  readonly error?: string | undefined;
  /** Base URL of our FHIR API, ends with a slash. */
  readonly fhirUrl: string;
  readonly timestamp: string;
  /** Names the status entry; new for each notification. */
  readonly uuid: string;
}

const STATUS_PROFILE =
  'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4';

/** The resources of a message that an interest lets through: a function of the stored pack, so the same at every attempt. */
export function matchesOf(resources: readonly string[], interest: Interest): string[] {
  const start = `{"resourceType":"${interest.type}",`;
  return resources.filter((text) => {
    if (!text.startsWith(start)) return false;
    return interest.unconditional || interest.matches(readJson(text) as FhirObject);
  });
}

/** The Bundle that asks an endpoint whether it is there, or tells it that we are (Subscriptions R5 Backport 1.1). */
export function signOfLife(frame: NotificationFrame, type: 'handshake' | 'heartbeat'): string {
  return bundleOf('history', [statusEntry(frame, type, [])], { timestamp: frame.timestamp });
}

/** The Bundle that answers `$status`: one status for each subscription that was asked for. */
export function statusAnswer(frames: readonly NotificationFrame[], base: string): string {
  const entries = frames.map((frame) => ({
    fullUrl: `urn:uuid:${frame.uuid}`,
    resource: writeJson(statusParameters(frame, 'query-status', [])),
  }));
  return bundleOf('searchset', entries, { base, total: entries.length });
}

/**
 * The Bundle that tells events, or answers `$events` (Subscriptions R5 Backport 1.1). An event is one message: its first
 * matching resource is the focus, the others are additional context, because an event has one focus there; so is what the
 * topic sends along. A deletion has an entry without a resource.
 */
export function eventNotification(
  frame: NotificationFrame,
  content: NotificationContent,
  events: readonly NotifiedEvent[],
  type: 'event-notification' | 'query-event' = 'event-notification',
): string {
  const entries = [
    statusEntry(
      frame,
      type,
      events.map((event) => eventPart(event, content)),
    ),
  ];
  if (content !== 'empty') {
    const told = new Set<string>();
    for (const event of events) {
      for (const text of event.matches) {
        told.add(nameOf(text));
        entries.push(focusEntry(text, content, frame.fhirUrl));
      }
      for (const name of event.deleted) {
        entries.push({
          fullUrl: frame.fhirUrl + name,
          request: { method: 'DELETE', url: name },
          response: { status: '204' },
        });
      }
    }
    // What goes along with several events is the same resource: once.
    for (const text of events.flatMap(({ context }) => context)) {
      if (told.has(nameOf(text))) continue;
      told.add(nameOf(text));
      entries.push(focusEntry(text, content, frame.fhirUrl));
    }
  }
  return bundleOf('history', entries, { base: frame.fhirUrl, timestamp: frame.timestamp });
}

function statusEntry(
  frame: NotificationFrame,
  type: NotificationType,
  events: readonly FhirObject[],
): BundleEntry {
  return {
    fullUrl: `urn:uuid:${frame.uuid}`,
    resource: writeJson(statusParameters(frame, type, events)),
    request: { method: 'GET', url: `${addressOf(frame)}/$status` },
    response: { status: '200' },
  };
}

function addressOf(frame: NotificationFrame): string {
  return `${frame.fhirUrl}Subscription/${frame.subscription}`;
}

/** The status of a subscription in its R4 form (profile backport-subscription-status-r4). */
function statusParameters(
  frame: NotificationFrame,
  type: NotificationType,
  events: readonly FhirObject[],
): FhirObject {
  const error = frame.error === undefined ? [] : [errorParameter(frame.error)];
  return {
    resourceType: 'Parameters',
    id: frame.uuid,
    meta: { profile: [STATUS_PROFILE] },
    parameter: [
      { name: 'subscription', valueReference: { reference: addressOf(frame) } },
      ...(frame.topic === undefined ? [] : [{ name: 'topic', valueCanonical: frame.topic }]),
      { name: 'status', valueCode: frame.status },
      { name: 'type', valueCode: type },
      { name: 'events-since-subscription-start', valueString: String(frame.events) },
      ...events,
      ...error,
    ],
  };
}

function errorParameter(text: string): FhirObject {
  return { name: 'error', valueCodeableConcept: { text } };
}

function eventPart(event: NotifiedEvent, content: NotificationContent): FhirObject {
  const part: FhirObject[] = [
    { name: 'event-number', valueString: String(event.number) },
    { name: 'timestamp', valueInstant: new Date(event.atMs).toISOString() },
  ];
  if (content !== 'empty') {
    const names = [...event.matches.map(nameOf), ...event.deleted, ...event.context.map(nameOf)];
    names.forEach((reference, index) => {
      const isFocus = index === 0 && event.matches.length + event.deleted.length > 0;
      part.push({ name: isFocus ? 'focus' : 'additional-context', valueReference: { reference } });
    });
  }
  return { name: 'notification-event', part };
}

function nameOf(text: string): string {
  const { type, id } = headOf(text);
  return `${type}/${id}`;
}

/** A history entry needs request and response (R4 bdl-3, bdl-4). */
function focusEntry(text: string, content: NotificationContent, base: string): BundleEntry {
  const url = nameOf(text);
  return {
    fullUrl: `${base}${url}`,
    ...(content === 'full-resource' ? { resource: text } : {}),
    request: { method: 'PUT', url },
    response: { status: '200' },
  };
}

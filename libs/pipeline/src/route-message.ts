import type { Query } from '#database';
import type { FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import type { MessageOutcome, Route, StoredDeletion, StoredResource } from '#store';
import { compileInterest, type Interest, noTopics, type Topic, type TopicCatalog } from '#topics';
import type { TransformChannel } from './transform-channel.js';

interface Subscribed {
  readonly id: number;
  readonly interest: Interest;
}

/** What a message did. */
interface Done {
  readonly resources: readonly StoredResource[];
  readonly deletions: readonly StoredDeletion[];
}

/** Most subscriptions that are matched; each message is compared with every one of its resource types. */
const MAX_SUBSCRIPTIONS = 10_000;

/**
 * Chooses destinations: the routes of the message's channel, and the subscriptions whose criteria one of its resources
 * matches, or for which one of its changes is an event of their topic. Subscriptions are read in each transaction, so every message stored after one became active is matched.
 */
export class Router {
  private readonly compiled = new Map<string, Interest>();

  constructor(
    private readonly channels: ReadonlyMap<number, TransformChannel>,
    private readonly topics: TopicCatalog = noTopics,
  ) {}

  async forTransaction(tx: Query): Promise<Route> {
    const rows = await tx.query<{ id: number; criteria: string }>(
      "SELECT id, criteria FROM destination WHERE kind = 'subscription' AND active AND criteria IS NOT NULL LIMIT $1",
      [MAX_SUBSCRIPTIONS],
      'active-subscriptions',
    );
    const subscriptions = new Map<string, Subscribed[]>();
    const comparedTypes = new Set<string>();
    for (const { id, criteria: text } of rows) {
      const interest = this.interestOf(text);
      if (interest === undefined) continue;
      const ofType = subscriptions.get(interest.type);
      if (ofType) ofType.push({ id, interest });
      else subscriptions.set(interest.type, [{ id, interest }]);
      if (interest.topic) comparedTypes.add(interest.type);
    }
    const route: Route = (message, resources, deletions) =>
      this.choose(message, { resources, deletions }, subscriptions);
    return Object.assign(route, { comparedTypes });
  }

  private choose(
    message: MessageOutcome,
    { resources, deletions }: Done,
    subscriptions: ReadonlyMap<string, readonly Subscribed[]>,
  ): number[] {
    const chosen: number[] = [];
    for (const { destination, types } of this.channels.get(message.channel)?.routes ?? []) {
      if (types === undefined || resources.some((resource) => types.has(resource.type)))
        chosen.push(destination);
    }
    if (subscriptions.size === 0) return chosen;
    for (const resource of resources) {
      const triggered = new Map<Topic, boolean>();
      for (const { id, interest } of subscriptions.get(resource.type) ?? []) {
        if (!chosen.includes(id) && concerns(interest, resource, triggered)) chosen.push(id);
      }
    }
    for (const { type, previous } of deletions) {
      for (const { id, interest } of subscriptions.get(type) ?? []) {
        if (!chosen.includes(id) && interest.concernsDeletion(previous as FhirObject | undefined))
          chosen.push(id);
      }
    }
    return chosen;
  }

  private interestOf(text: string): Interest | undefined {
    const known = this.compiled.get(text);
    if (known) return known;
    try {
      const interest = compileInterest(text, this.topics);
      if (this.compiled.size >= MAX_SUBSCRIPTIONS) this.compiled.clear();
      this.compiled.set(text, interest);
      return interest;
    } catch (error) {
      // Checked when it was filed; one that a newer engine no longer understands must not stop the others.
      if (error instanceof EngineError) return undefined;
      throw error;
    }
  }
}

/** A topic is asked once for each change, however many subscriptions name it. */
function concerns(interest: Interest, resource: StoredResource, triggered: Map<Topic, boolean>): boolean {
  const current = resource.content as FhirObject;
  if (!interest.matches(current)) return false;
  const { topic } = interest;
  if (topic === undefined) return true;
  if (!resource.changed) return false;
  let isTriggered = triggered.get(topic);
  if (isTriggered === undefined) {
    isTriggered = topic.isTriggeredBy({ current, previous: resource.previous as FhirObject | undefined });
    triggered.set(topic, isTriggered);
  }
  return isTriggered;
}

/** The numbers of destinations by full name (`channel.destination`), made at first use; names keep their numbers for ever. */
export async function destinationIds(
  database: Query,
  names: readonly string[],
  kind: string,
): Promise<Map<string, number>> {
  await database.query(
    `INSERT INTO destination AS d (name, kind) SELECT name, $2 FROM unnest($1::text[]) AS name ORDER BY name
     ON CONFLICT (name) DO UPDATE SET kind = excluded.kind WHERE d.kind <> excluded.kind`,
    [names, kind],
  );
  const rows = await database.query<{ id: number; name: string }>(
    'SELECT id, name FROM destination WHERE name = ANY($1)',
    [names],
  );
  return new Map(rows.map((row) => [row.name, row.id]));
}

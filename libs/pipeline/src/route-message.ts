import type { Query } from '#database';
import { EngineError } from '#kernel';
import { type Criteria, compileCriteria } from '#search';
import type { MessageOutcome, Route, StoredResource } from '#store';
import type { TransformChannel } from './transform-channel.js';

/** Most subscriptions that are matched; each message is compared with every one of its resource types. */
const MAX_SUBSCRIPTIONS = 10_000;

/**
 * Chooses destinations: the routes of the message's channel, and the subscriptions whose criteria one of its resources
 * matches. Subscriptions are read in each transaction, so every message stored after one became active is matched.
 */
export class Router {
  private readonly compiled = new Map<string, Criteria>();

  constructor(private readonly channels: ReadonlyMap<number, TransformChannel>) {}

  async forTransaction(tx: Query): Promise<Route> {
    const rows = await tx.query<{ id: number; criteria: string }>(
      "SELECT id, criteria FROM destination WHERE kind = 'subscription' AND active AND criteria IS NOT NULL LIMIT $1",
      [MAX_SUBSCRIPTIONS],
      'active-subscriptions',
    );
    const subscriptions = new Map<string, { id: number; criteria: Criteria }[]>();
    for (const { id, criteria: text } of rows) {
      const criteria = this.criteriaOf(text);
      if (criteria === undefined) continue;
      const ofType = subscriptions.get(criteria.type);
      if (ofType) ofType.push({ id, criteria });
      else subscriptions.set(criteria.type, [{ id, criteria }]);
    }
    return (message, resources) => this.choose(message, resources, subscriptions);
  }

  private choose(
    message: MessageOutcome,
    resources: readonly StoredResource[],
    subscriptions: ReadonlyMap<string, readonly { id: number; criteria: Criteria }[]>,
  ): number[] {
    const chosen: number[] = [];
    for (const { destination, types } of this.channels.get(message.channel)?.routes ?? []) {
      if (types === undefined || resources.some((resource) => types.has(resource.type)))
        chosen.push(destination);
    }
    if (subscriptions.size === 0) return chosen;
    for (const resource of resources) {
      for (const { id, criteria } of subscriptions.get(resource.type) ?? []) {
        if (!chosen.includes(id) && criteria.matches(resource.content)) chosen.push(id);
      }
    }
    return chosen;
  }

  private criteriaOf(text: string): Criteria | undefined {
    const known = this.compiled.get(text);
    if (known) return known;
    try {
      const criteria = compileCriteria(text);
      if (this.compiled.size >= MAX_SUBSCRIPTIONS) this.compiled.clear();
      this.compiled.set(text, criteria);
      return criteria;
    } catch (error) {
      // Checked when it was filed; one that a newer engine no longer understands must not stop the others.
      if (error instanceof EngineError) return undefined;
      throw error;
    }
  }
}

/** The numbers of destinations by full name (`channel.destination`), made at first use; names keep their numbers for ever. */
export async function destinationIds(
  database: Query,
  names: readonly string[],
  kind: string,
): Promise<Map<string, number>> {
  await database.query(
    'INSERT INTO destination (name, kind) SELECT name, $2 FROM unnest($1::text[]) AS name ON CONFLICT DO NOTHING',
    [names, kind],
  );
  const rows = await database.query<{ id: number; name: string }>(
    'SELECT id, name FROM destination WHERE name = ANY($1)',
    [names],
  );
  return new Map(rows.map((row) => [row.name, row.id]));
}

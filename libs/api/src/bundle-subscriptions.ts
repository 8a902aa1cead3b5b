import type { Query } from '#database';
import { EngineError } from '#kernel';
import type { WriteAnswer } from '#pipeline';
import type { SubscriptionChange, SubscriptionRegistry } from './api-services.js';
import { type AskedEntry, resourceOf } from './bundle-request.js';
import { subscriptionText } from './subscription-text.js';

/** Subscriptions of a transaction, which are filed with all that it writes, or not at all. */
export class BundleSubscriptions {
  private readonly changes = new Map<AskedEntry, SubscriptionChange>();
  private applied = new Map<AskedEntry, Awaited<ReturnType<SubscriptionRegistry['apply']>>>();

  constructor(private readonly registry: SubscriptionRegistry) {}

  /** Takes an entry of a Subscription; false: it is of another type. Throws `rejected` TRANSACTION_INVALID. */
  take(entry: AskedEntry): boolean {
    if (!/^Subscription(?![A-Za-z])/.test(entry.url)) return false;
    const change = changeOf(entry, this.registry);
    if ([...this.changes.values()].some(({ id }) => id === change.id))
      throw invalid('two entries of the transaction file one subscription', entry);
    this.changes.set(entry, change);
    return true;
  }

  /** For the transaction: files and removes; undefined where there is nothing to do. */
  get alongside(): ((tx: Query) => Promise<void>) | undefined {
    if (this.changes.size === 0) return undefined;
    return async (tx) => {
      // Run again, it begins anew.
      this.applied = new Map();
      for (const [entry, change] of this.changes)
        this.applied.set(entry, await this.registry.apply(tx, change));
    };
  }

  /** To be called when it has committed: what became of each entry. */
  committed(): Map<AskedEntry, WriteAnswer> {
    const answers = new Map<AskedEntry, WriteAnswer>();
    for (const [entry, filed] of this.applied) {
      filed?.announce();
      answers.set(entry, filed === undefined ? { status: 204, version: undefined } : answerOf(filed));
    }
    return answers;
  }
}

function answerOf(filed: NonNullable<Awaited<ReturnType<SubscriptionRegistry['apply']>>>): WriteAnswer {
  const { id, version, lastUpdatedMs, created } = filed;
  const text = subscriptionText(filed);
  return { status: created ? 201 : 200, type: 'Subscription', id, version, lastUpdatedMs, text };
}

/** Subscriptions are filed one by one, by their ids. */
function changeOf(entry: AskedEntry, registry: SubscriptionRegistry): SubscriptionChange {
  const [, id, ...rest] = entry.url.split('/');
  const isByType = entry.url === 'Subscription';
  const isById = id !== undefined && !id.includes('?') && rest.length === 0;
  const isPlain = Object.keys(entry.headers).length === 0;
  if (entry.method === 'POST' && isByType && isPlain)
    return { id: registry.newId(), resource: resourceOf(entry, 'Subscription') };
  if (entry.method === 'DELETE' && isById && isPlain) return { id, resource: undefined };
  if (entry.method === 'PUT' && isById && isPlain) {
    const resource = resourceOf(entry, 'Subscription');
    if (resource['id'] === id) return { id, resource };
    throw invalid('the id of the resource must be the id of the address', entry);
  }
  throw invalid(
    'a subscription is filed by POST at Subscription, or PUT or DELETE at Subscription/id',
    entry,
  );
}

function invalid(message: string, { at }: AskedEntry): EngineError {
  return new EngineError('rejected', 'TRANSACTION_INVALID', message, { cause: { at: `${at}.request` } });
}

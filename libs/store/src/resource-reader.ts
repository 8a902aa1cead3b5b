import { GroupCommit, type Query } from '#database';
import { isResourceType } from '#fhir';
import { EngineError, isEngineError, type Position } from '#kernel';
import type { QueryPair } from '#search';
import { type IndexState, readIndexState } from './index-filler.js';
import { type ChangesAsked, type ChangesPage, readChanges } from './read-changes.js';
import { type FormerContent, type FormerResource, readDeletions, readFormer } from './read-former.js';
import { type HistoryPage, type HistoryPaging, readHistory } from './read-history.js';
import { type ReadOutcome, type ResourceVersion, readResources, readVersion } from './read-resource.js';
import { settledMs, type Walk, type Walked, walkResources } from './read-walk.js';
import { answerSearch, type SearchResult } from './search.js';
import { parseSearch, type SearchOptions, searchableNames } from './search-request.js';

const INDEX_READ_EVERY_MS = 2_000;

/** Reads what is stored. Every answer shows what was committed when it was asked for; nothing is cached. */
export class ResourceReader {
  private index: IndexState = { complete: false, behind: 0 };
  private indexReadMs = 0;
  /** Reads that come while a statement is under way go together into the next: they share its round trip. */
  private readonly reads: GroupCommit<{ type: string; id: string }, ReadOutcome>;

  /** `searching`: where searches read; `limited` connections, where strangers ask. */
  constructor(
    private readonly database: Query,
    private readonly searching: Query = database,
  ) {
    this.reads = new GroupCommit((wanted) => readResources(database, wanted));
  }

  /** The current version; undefined when there never was such a resource. */
  async read(type: string, id: string): Promise<ResourceVersion | undefined> {
    if (!isResourceType(type)) return undefined;
    const outcome = await this.reads.add({ type, id });
    if ('error' in outcome) throw outcome.error;
    return outcome.found;
  }

  /** One version by its number; undefined when there is none. */
  version(type: string, id: string, version: number): Promise<ResourceVersion | undefined> {
    return readVersion(this.database, type, id, version);
  }

  /** For each resource that a message holds what it was before; undefined where the message did not change it. */
  former(
    asked: readonly { readonly type: string; readonly id: string; readonly position: Position }[],
  ): Promise<(FormerContent | undefined)[]> {
    return readFormer(this.database, asked);
  }

  /** The resources of a type that messages deleted, with their last content. Never changes. */
  deletions(places: readonly Position[], type: string): Promise<FormerResource[]> {
    return readDeletions(this.database, places, type);
  }

  /** The versions of one resource, newest first; undefined when there never was such a resource. */
  history(type: string, id: string, paging: HistoryPaging): Promise<HistoryPage | undefined> {
    return readHistory(this.database, type, id, paging);
  }

  /** One page of what came to be, of every resource, newest first. */
  changes(asked: ChangesAsked, nowMs: number): Promise<ChangesPage> {
    return readChanges(this.database, asked, nowMs);
  }

  /** One part of a walk through all resources, or through what may belong to a patient. */
  walk(walk: Walk): Promise<Walked> {
    return walkResources(this.database, walk);
  }

  /** The latest time of which everything can be read, in milliseconds: writes under way will have a later one. */
  settledMs(): Promise<number> {
    return settledMs(this.database);
  }

  /**
   * One page of a search of `type`; undefined: of the types that `_type` names; '*': of all in a compartment. Throws `rejected`:
   * SEARCH_TYPE_UNKNOWN, SEARCH_PARAMETER_UNKNOWN with the list of what exists, SEARCH_VALUE_INVALID, SEARCH_TOO_COSTLY; `unavailable`
   * SEARCH_TIMED_OUT when the database ended a statement of it.
   */
  async search(
    type: string | undefined,
    pairs: readonly QueryPair[],
    options: SearchOptions,
  ): Promise<SearchResult> {
    const request = parseSearch(type, pairs, options);
    try {
      return await answerSearch(this.searching, request);
    } catch (error) {
      if (!isEngineError(error, 'unavailable') || error.code !== 'DATABASE_STATEMENT_TOO_SLOW') throw error;
      throw new EngineError(
        'unavailable',
        'SEARCH_TIMED_OUT',
        'the database did not answer this search in time; narrow it down by a patient, a code or a date, ask for a smaller _count, or try again later',
        { cause: error },
      );
    }
  }

  /**
   * Resources at most that the index does not hold yet as this build makes it: a search may miss some that an older build stored. To be
   * asked before the search. Once it is 0 it stays so, and the database is not asked any more.
   */
  async indexBehind(): Promise<number> {
    const nowMs = Date.now();
    if (!this.index.complete && nowMs - this.indexReadMs > INDEX_READ_EVERY_MS) {
      this.indexReadMs = nowMs;
      this.index = await readIndexState(this.searching);
    }
    return this.index.behind;
  }

  /** The parameters that a search of `type` accepts, for the CapabilityStatement. */
  searchable(type: string): readonly { readonly name: string; readonly kind: string }[] {
    return searchableNames(type);
  }
}

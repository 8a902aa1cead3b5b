import type { Query } from '#database';
import { headOf, resourceTypeCode } from '#fhir';
import { formatPosition, type Position } from '#kernel';
import {
  contentOf,
  headOfRow,
  type PointerRow,
  pointerColumns,
  type ResourceVersion,
  readPacks,
} from './read-resource.js';

/** Where a page of changes ended: `done` versions of the message at that position have been told. */
export interface ChangePlace extends Position {
  readonly storedAtMs: number;
  readonly done: number;
}

/** A span of time, its end excluded. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ChangesAsked {
  /** Undefined: of every type. */
  readonly type: string | undefined;
  readonly count: number;
  readonly after: ChangePlace | undefined;
  /** Only versions made at this time or later. */
  readonly sinceMs: number | undefined;
  /** Only versions that were current at some moment of it. */
  readonly at: TimeSpan | undefined;
}

export interface ChangesPage {
  /** Newest first. */
  readonly versions: readonly ResourceVersion[];
  /** Undefined: this was the last page. A page with a next may be short. */
  readonly next: ChangePlace | undefined;
}

interface PackPlace extends Position {
  /** Lines of the pack. */
  readonly resources: number;
  readonly stored_at: Date;
}

interface ChangeRow extends PointerRow {
  ord: number;
  /** When the next version came. */
  overtaken_at: Date | null;
}

/** Nothing was stored before there was an engine. */
const EARLIEST_MS = Date.UTC(2020, 0, 1);
/** Clocks of the processes that write may be ahead of ours by so much. */
const MAX_AHEAD_MS = 60_000;
const FIRST_WINDOW_MS = 1_000;
const WINDOW_GROWTH = 4;
/** Messages that are looked at together, and for one page; then it ends, however short it is. */
const CHUNK = 64;
const MAX_LOOKED_AT = 1_024;
/** Lines of packs that are looked at together, at first and at most; a pack is never cut. */
const FIRST_LINES = 50;
const CHUNK_LINES = 1_000;

/**
 * The versions that came to be, newest first, over all resources. The order is that of the packs, to which the store only
 * appends: what is written later comes before the first page, so paging is stable. The packs of a span of time are found by
 * a block range index, in windows that grow until there are enough.
 */
export async function readChanges(database: Query, asked: ChangesAsked, nowMs: number): Promise<ChangesPage> {
  const { count, after, sinceMs = EARLIEST_MS } = asked;
  const versions: ResourceVersion[] = [];
  const start = Math.min(nowMs + MAX_AHEAD_MS, asked.at === undefined ? Infinity : asked.at.toMs - 1);
  let place = after ?? endOf(start);
  let windowMs = FIRST_WINDOW_MS;
  let lines = Math.min(CHUNK_LINES, Math.max(FIRST_LINES, count * 2));
  for (let looked = 0; place.storedAtMs >= sinceMs && looked < MAX_LOOKED_AT; ) {
    const lowMs = Math.max(sinceMs, place.storedAtMs - windowMs);
    const between = await packsBetween(database, lowMs, place);
    const packs = firstLines(between, lines);
    lines = Math.min(CHUNK_LINES, lines * 2);
    for (const { pack, found } of await changesOf(database, packs, asked)) {
      const done = samePack(pack, place) ? place.done : 0;
      for (const [index, version] of found.entries()) {
        if (index < done || version === undefined) continue;
        if (versions.length === count) return { versions, next: placeOf(pack, index) };
        versions.push(version);
      }
    }
    looked += packs.length;
    const last = packs.at(-1);
    if (last !== undefined && (packs.length < between.length || packs.length === CHUNK))
      place = { ...placeOf(last, 0), seq: last.seq - 1 };
    else {
      place = endOf(lowMs - 1);
      windowMs *= WINDOW_GROWTH;
    }
  }
  return { versions, next: place.storedAtMs >= sinceMs ? place : undefined };
}

/** The last place of a millisecond: times of packs are whole ones. */
function endOf(storedAtMs: number): ChangePlace {
  return { storedAtMs, lane: 0x7fff, partition: 0x7fff, seq: Number.MAX_SAFE_INTEGER, done: 0 };
}

function placeOf({ lane, partition, seq, stored_at }: PackPlace, done: number): ChangePlace {
  return { storedAtMs: stored_at.getTime(), lane, partition, seq, done };
}

function samePack(pack: PackPlace, place: ChangePlace): boolean {
  return formatPosition(pack) === formatPosition(place);
}

function firstLines(packs: readonly PackPlace[], most: number): readonly PackPlace[] {
  let lines = 0;
  const over = packs.findIndex(({ resources }) => (lines += resources) > most);
  return over < 0 ? packs : packs.slice(0, Math.max(1, over));
}

function packsBetween(database: Query, lowMs: number, place: ChangePlace): Promise<PackPlace[]> {
  const { storedAtMs, lane, partition, seq } = place;
  return database.query<PackPlace>(
    `SELECT lane, partition, seq, stored_at, resources FROM pack
     WHERE stored_at >= to_timestamp($1::float8) AND stored_at <= to_timestamp($2::float8) AND state = 1
       AND (stored_at, lane, partition, seq) <= (to_timestamp($2::float8), $3::smallint, $4::smallint, $5::bigint)
     ORDER BY stored_at DESC, lane DESC, partition DESC, seq DESC LIMIT $6`,
    [lowMs / 1000, storedAtMs / 1000, lane, partition, seq, CHUNK],
    'read-changed-packs',
  );
}

interface PackChanges {
  readonly pack: PackPlace;
  /** In an order that never changes; undefined: not asked for. */
  readonly found: readonly (ResourceVersion | undefined)[];
}

/** What each message changed: the versions that its pack holds, then deletions. */
async function changesOf(
  database: Query,
  packs: readonly PackPlace[],
  asked: ChangesAsked,
): Promise<PackChanges[]> {
  if (packs.length === 0) return [];
  const texts = await readPacks(database, packs);
  const found = new Map<string, (ResourceVersion | undefined)[]>(
    packs.map((pack) => [formatPosition(pack), []]),
  );
  for (const row of await writtenIn(database, packs, texts, asked.type)) {
    const place = formatPosition(row);
    const text = texts.get(place)?.[row.position];
    const kept = text !== undefined && wasCurrent(row, asked.at);
    found.get(place)?.push(kept ? contentOf(headOfRow(row), text) : undefined);
  }
  for (const row of await deletedIn(database, packs, asked.type)) {
    const kept = asked.at === undefined || row.last_updated.getTime() >= asked.at.fromMs;
    found.get(formatPosition(row))?.push(kept ? { ...headOfRow(row), deleted: true } : undefined);
  }
  return packs.map((pack) => ({ pack, found: found.get(formatPosition(pack)) ?? [] }));
}

function wasCurrent({ overtaken_at }: ChangeRow, at: TimeSpan | undefined): boolean {
  return at === undefined || overtaken_at === null || overtaken_at.getTime() > at.fromMs;
}

const OVERTAKEN = `(SELECT n.last_updated FROM resource_history n WHERE n.rid = r.rid AND n.version = r.version + 1)`;

/** A line of a pack is a version where its content was new: then a pointer leads to it, a current or a former one. */
function writtenIn(
  database: Query,
  packs: readonly PackPlace[],
  texts: ReadonlyMap<string, readonly string[]>,
  type: string | undefined,
): Promise<ChangeRow[]> {
  const wanted = packs.flatMap((pack) =>
    (texts.get(formatPosition(pack)) ?? []).flatMap((text, position) => {
      const head = headOf(text);
      return type === undefined || type === head.type ? [{ ...head, pack, position }] : [];
    }),
  );
  if (wanted.length === 0) return Promise.resolve([]);
  return database.query<ChangeRow>(
    `SELECT k.ord::int, ${pointerColumns},
            COALESCE(${OVERTAKEN}, CASE WHEN c.version = r.version + 1 THEN c.last_updated END) AS overtaken_at
     FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[], $6::smallint[])
       WITH ORDINALITY AS k(type, id, lane, partition, seq, position, ord)
     JOIN resource c ON c.type = k.type AND c.id = k.id
     CROSS JOIN LATERAL (SELECT c.* UNION ALL SELECT h.* FROM resource_history h WHERE h.rid = c.rid) r
     WHERE r.lane = k.lane AND r.partition = k.partition AND r.seq = k.seq AND r.position = k.position AND NOT r.deleted
     ORDER BY k.ord`,
    [
      wanted.map((one) => resourceTypeCode(one.type)),
      wanted.map(({ id }) => id),
      wanted.map(({ pack }) => pack.lane),
      wanted.map(({ pack }) => pack.partition),
      wanted.map(({ pack }) => pack.seq),
      wanted.map(({ position }) => position),
    ],
    'read-changes',
  );
}

/** No pack has a line for a deletion; its row has the time of its pack. */
function deletedIn(
  database: Query,
  packs: readonly PackPlace[],
  type: string | undefined,
): Promise<PointerRow[]> {
  const times = packs.map(({ stored_at }) => stored_at.getTime() / 1000);
  return database.query<PointerRow>(
    `SELECT ${pointerColumns} FROM (
       SELECT * FROM resource WHERE deleted AND last_updated BETWEEN to_timestamp($1::float8) AND to_timestamp($2::float8)
       UNION ALL
       SELECT * FROM resource_history
       WHERE deleted AND last_updated BETWEEN to_timestamp($1::float8) AND to_timestamp($2::float8)) r
     WHERE $3::smallint IS NULL OR r.type = $3 ORDER BY r.type, r.id`,
    [times.at(-1), times[0], type === undefined ? null : resourceTypeCode(type)],
    'read-deletions',
  );
}

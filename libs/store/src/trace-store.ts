import type { Query } from '#database';
import { headOf, isResourceType, resourceTypeCode, resourceTypes } from '#fhir';
import { assert, formatPosition, type Position } from '#kernel';
import { patientHash } from '#search';
import type { MessageState } from './message-outcome.js';
import { resourcesOf, unfoldPack } from './pack-bytes.js';
import { ResourceReader } from './resource-reader.js';

/** What became of a message, without its content. */
export interface TracedOutcome {
  readonly position: Position;
  readonly state: MessageState;
  readonly storedAtMs: number;
  /** Why it was filtered or is dead. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  /** `digestOfMapping`, hex. */
  readonly mapping: string;
  readonly resources: number;
  /** The dead letter was run again as this position. */
  readonly replayedAs: string | undefined;
}

/** One resource that a message produced. */
export interface TracedResource {
  readonly type: string;
  readonly id: string;
  /** The version this message made; undefined: its content equalled what was stored, so it made none. */
  readonly version: number | undefined;
  readonly currentVersion: number | undefined;
}

/** Where a resource or a patient comes from. */
export interface TracedOrigin {
  readonly position: Position;
  readonly atMs: number;
}

interface OutcomeRow extends Position {
  state: MessageState;
  stored_at: Date;
  code: string | null;
  reason: string | null;
  mapping: Buffer;
  resources: number;
  replayed_as: string | null;
}

const outcomeColumns = `p.lane, p.partition, p.seq, p.state, p.stored_at, p.code, p.reason, p.mapping, p.resources,
  d.replayed_as`;

/** What the store knows about single messages. Reads only; statements are bounded by their limits. */
export class StoreTrace {
  constructor(private readonly database: Query) {}

  /** What the messages became; those that still wait are left out. */
  async outcomes(positions: readonly Position[]): Promise<TracedOutcome[]> {
    const rows = await this.database.query<OutcomeRow>(
      `SELECT ${outcomeColumns}
       FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS w(lane, partition, seq)
       JOIN pack p USING (lane, partition, seq) LEFT JOIN dead_letter d USING (lane, partition, seq)`,
      columnsOf(positions),
    );
    return rows.map(outcomeOf);
  }

  /** The dead letters nobody has run again, oldest first, after `after`; of one channel where it is named. */
  async deadLetters(
    channel: string | undefined,
    after: TracedOrigin | undefined,
    limit: number,
  ): Promise<(TracedOutcome & TracedOrigin)[]> {
    const rows = await this.database.query<OutcomeRow & { at: Date }>(
      `SELECT ${outcomeColumns}, d.at
       FROM dead_letter d JOIN pack p USING (lane, partition, seq)
       WHERE d.replayed_as IS NULL AND ($1::text IS NULL OR p.channel = (SELECT id FROM channel_name WHERE name = $1))
         AND (d.at, d.lane, d.partition, d.seq) > (to_timestamp($2::float8), $3, $4, $5)
       ORDER BY d.at, d.lane, d.partition, d.seq LIMIT $6`,
      [
        channel ?? null,
        (after?.atMs ?? 0) / 1000,
        after?.position.lane ?? -1,
        after?.position.partition ?? -1,
        after?.position.seq ?? -1,
        limit,
      ],
    );
    return rows.map((row) => ({ ...outcomeOf(row), atMs: row.at.getTime() }));
  }

  /** How many dead letters nobody has run again, by code, most first. */
  async deadLetterCounts(): Promise<{ code: string; count: number }[]> {
    return this.database.query(
      'SELECT code, count(*) AS count FROM dead_letter WHERE replayed_as IS NULL GROUP BY code ORDER BY count DESC LIMIT 20',
    );
  }

  /** What a message produced, in order, with the version it made of each. */
  async resources(position: Position): Promise<TracedResource[]> {
    const [pack] = await this.database.query<{ folded: Buffer }>(
      'SELECT folded FROM folded_pack WHERE lane = $1 AND partition = $2 AND seq = $3',
      [position.lane, position.partition, position.seq],
    );
    if (pack === undefined) return [];
    const heads = resourcesOf(unfoldPack(pack.folded)).map(headOf);
    const rows = await this.database.query<{ ord: number; current: number | null; version: number | null }>(
      `SELECT w.ord::int, c.version AS current,
              CASE WHEN c.lane = $1 AND c.partition = $2 AND c.seq = $3 THEN c.version
                   ELSE (SELECT max(h.version) FROM resource_history h
                         WHERE h.rid = c.rid AND h.lane = $1 AND h.partition = $2 AND h.seq = $3) END AS version
       FROM unnest($4::smallint[], $5::text[]) WITH ORDINALITY AS w(type, id, ord)
       LEFT JOIN resource c ON c.type = w.type AND c.id = w.id ORDER BY w.ord`,
      [
        position.lane,
        position.partition,
        position.seq,
        heads.map((head) => resourceTypeCode(head.type)),
        heads.map((head) => head.id),
      ],
    );
    return rows.map((row) => {
      const head = heads[row.ord - 1];
      assert(head !== undefined, 'STORE_TRACE_ORDER');
      return { ...head, version: row.version ?? undefined, currentVersion: row.current ?? undefined };
    });
  }

  /** The resources with this id, of whatever type, or of `type`. */
  async withId(id: string, type?: string): Promise<{ type: string; id: string }[]> {
    if (type !== undefined && !isResourceType(type)) return [];
    const types = type === undefined ? resourceTypes.map((_, code) => code) : [resourceTypeCode(type)];
    const rows = await this.database.query<{ type: number; id: string }>(
      'SELECT type, id FROM resource WHERE type = ANY($1::smallint[]) AND id = $2 ORDER BY type',
      [types, id],
    );
    return rows.map((row) => ({ type: resourceTypes[row.type] ?? '', id: row.id }));
  }

  /** The messages that made the versions of a resource, newest first. */
  async origins(type: string, id: string, limit: number): Promise<TracedOrigin[]> {
    const rows = await this.database.query<Position & { at: Date }>(
      `WITH c AS (SELECT * FROM resource WHERE type = $1 AND id = $2)
       SELECT lane, partition, seq, last_updated AS at FROM (
         SELECT lane, partition, seq, last_updated, version FROM c
         UNION ALL SELECT h.lane, h.partition, h.seq, h.last_updated, h.version FROM c JOIN resource_history h USING (rid)) AS v
       ORDER BY version DESC LIMIT $3`,
      [resourceTypeCode(type), id, limit],
    );
    return rows.map(originOf);
  }

  /**
   * The messages in a patient's record, newest first: those that made the current version of one of its resources or
   * any version of the Patient itself.
   */
  async patientOrigins(id: string, limit: number): Promise<TracedOrigin[]> {
    const rows = await this.database.query<Position & { at: Date }>(
      `SELECT lane, partition, seq, max(last_updated) AS at FROM resource WHERE patient = $1
       GROUP BY lane, partition, seq ORDER BY at DESC LIMIT $2`,
      [patientHash(id).toString(), limit],
    );
    const places = new Map<string, TracedOrigin>();
    for (const origin of [...rows.map(originOf), ...(await this.origins('Patient', id, limit))])
      places.set(formatPosition(origin.position), places.get(formatPosition(origin.position)) ?? origin);
    return [...places.values()].sort((a, b) => b.atMs - a.atMs).slice(0, limit);
  }

  /** Ids of the patients who have an identifier; `system` undefined: of whatever system. */
  async patientsWithIdentifier(value: string, system: string | undefined, limit: number): Promise<string[]> {
    const escaped = [system, value]
      .filter((part) => part !== undefined)
      .map((part) => part.replace(/[$,|\\]/g, '\\$&'));
    const { matches } = await new ResourceReader(this.database).search(
      'Patient',
      [
        ['identifier', escaped.join('|')],
        ['_count', String(limit)],
      ],
      { lenient: false, ownUrl: undefined },
    );
    return matches.map((match) => match.id);
  }
}

function columnsOf(positions: readonly Position[]): number[][] {
  return [
    positions.map((position) => position.lane),
    positions.map((position) => position.partition),
    positions.map((position) => position.seq),
  ];
}

function outcomeOf(row: OutcomeRow): TracedOutcome {
  const { lane, partition, seq } = row;
  return {
    position: { lane, partition, seq },
    state: row.state,
    storedAtMs: row.stored_at.getTime(),
    code: row.code ?? undefined,
    reason: row.reason ?? undefined,
    mapping: row.mapping.toString('hex'),
    resources: row.resources,
    replayedAs: row.replayed_as ?? undefined,
  };
}

function originOf({ lane, partition, seq, at }: Position & { at: Date }): TracedOrigin {
  return { position: { lane, partition, seq }, atMs: at.getTime() };
}

import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Pool } from 'undici';
import { accessMigrations, type Client, TokenService } from '#access';
import { BulkJobs, bulkMigrations } from '#bulk';
import type { Database } from '#database';
import { deliveryMigrations } from '#delivery';
import type { FhirObject } from '#fhir';
import { journalMigrations } from '#journal';
import { type Clock, systemClock, systemRandom } from '#kernel';
import { Router, WriteResources } from '#pipeline';
import { MessageWriter, ResourceReader, storeMigrations } from '#store';
import { SubscriptionOperations, subscriptionsMigrations } from '#subscriptions';
import { Profiles } from '#validation';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import {
  type Answered,
  ApiModule,
  createHttpAdapter,
  type SubscriptionRegistry,
  SubscriptionSockets,
  type SubscriptionVersion,
} from '../src/index.js';

export const accessToken = 'a-token-for-tests';

/** An answer with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface ApiServer {
  readonly fixture: TestDatabase;
  readonly ledgerDirectory: string;
  readonly origin: string;
  readonly reported: unknown[];
  readonly answered: Answered[];
  /** Sends one request over a real socket, with the operator's token unless `authorization` says otherwise ('' is none); the path is sent as it is. */
  send(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Answer>;
  close(): Promise<void>;
}

@Module({})
class Root {}

/** What a test needs to be otherwise. */
export interface ApiServerOptions {
  readonly clients?: ReadonlyMap<string, Client>;
  readonly openLoopback?: boolean;
  readonly clock?: Clock;
  /** Default: one that keeps them in memory. */
  readonly subscriptions?: (database: Database) => SubscriptionRegistry;
  readonly searchStatementMs?: number;
}

/** The HTTP edge over a database of its own, listening on a free port of the loopback interface. */
export async function startApiServer(
  token: string | undefined = accessToken,
  {
    clients = new Map(),
    openLoopback = false,
    clock = systemClock,
    searchStatementMs = 30_000,
    subscriptions,
  }: ApiServerOptions = {},
): Promise<ApiServer> {
  const fixture = await createTestDatabase([
    ...journalMigrations,
    ...storeMigrations,
    ...deliveryMigrations,
    ...accessMigrations,
    ...subscriptionsMigrations,
    ...bulkMigrations,
  ]);
  const ledgerDirectory = mkdtempSync(join(tmpdir(), 'suture-ledger-'));
  const bulkDirectory = mkdtempSync(join(tmpdir(), 'suture-bulk-'));
  const reported: unknown[] = [];
  const answered: Answered[] = [];
  const writes = new WriteResources(
    fixture.database,
    new MessageWriter('test', systemRandom),
    new Router(new Map()),
    {
      tenant: 'test',
      engineVersion: '0.0.0-test',
      random: systemRandom,
      clock: systemClock,
      onWritten: () => {},
    },
  );
  const bulk = new BulkJobs({
    database: fixture.database,
    directory: bulkDirectory,
    reader: new ResourceReader(fixture.database),
    writer: writes,
    report: (error) => reported.push(error),
  });
  const api = ApiModule.forServices({
    database: fixture.database,
    searching: fixture.database.limited(searchStatementMs),
    subscriptions: subscriptions?.(fixture.database) ?? new SubscriptionsInMemory(),
    writes,
    bulk,
    subscriptionAnswers: new SubscriptionOperations(fixture.database),
    sockets: new SubscriptionSockets(token, systemClock),
    webhookKeys: (name) => Promise.resolve([`whpk_${name}`]),
    topics: ['https://suture.example/SubscriptionTopic/test'],
    ledgerDirectory,
    profiles: new Profiles(),
    accessToken: token,
    tokens: new TokenService(
      fixture.database,
      { current: () => Promise.resolve(clients) },
      clock,
      systemRandom,
    ),
    openLoopback,
    publicUrl: undefined,
    softwareVersion: '0.0.0-test',
    clock: { nowMs: () => Date.UTC(2026, 10, 23) },
    report: (error) => reported.push(error),
    onAnswered: (_seconds, one) => answered.push(one),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: Root, imports: [api] },
    createHttpAdapter((error) => reported.push(error)),
    { logger: false, abortOnError: false },
  );
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const pool = new Pool(origin, { connections: 8 });
  return {
    fixture,
    ledgerDirectory,
    answered,
    origin,
    reported,
    send: async (method, path, headers = {}, body) => {
      const answer = await pool.request({
        method: method as 'GET',
        path,
        headers: withToken(headers),
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.body.text();
      const json = () => JSON.parse(text) as Record<string, unknown>;
      return { status: answer.statusCode, headers: answer.headers, text, json };
    },
    close: async () => {
      await pool.close();
      await app.close();
      await fixture.remove();
      rmSync(ledgerDirectory, { recursive: true });
      rmSync(bulkDirectory, { recursive: true });
    },
  };
}

function withToken({ authorization, ...headers }: Record<string, string>): Record<string, string> {
  if (authorization === '') return headers;
  return { ...headers, authorization: authorization ?? `Bearer ${accessToken}` };
}

/** Few, so that a search has to ask again. */
const LISTED_AT_ONCE = 3;

/** The port, kept in memory: refuses what has no criteria. */
class SubscriptionsInMemory implements SubscriptionRegistry {
  private readonly versions = new Map<string, SubscriptionVersion>();

  create(resource: FhirObject): Promise<SubscriptionVersion> {
    return this.put(`s${this.versions.size + 1}`, resource);
  }

  async update(id: string, resource: FhirObject): Promise<SubscriptionVersion & { created: boolean }> {
    const created = !this.versions.has(id);
    return { ...(await this.put(id, resource)), created };
  }

  async remove(id: string): Promise<boolean> {
    const found = this.versions.get(id);
    if (found) this.versions.set(id, { ...found, version: found.version + 1, deleted: true });
    return found !== undefined;
  }

  async read(id: string): Promise<SubscriptionVersion | undefined> {
    return this.versions.get(id);
  }

  newId(): string {
    return `s${this.versions.size + 1}`;
  }

  async apply(_tx: unknown, { id, resource }: { id: string; resource: FhirObject | undefined }) {
    if (resource === undefined) {
      await this.remove(id);
      return undefined;
    }
    return { ...(await this.update(id, resource)), announce: () => {} };
  }

  async list(after: string): Promise<SubscriptionVersion[]> {
    const later = [...this.versions.values()].filter(({ id }) => id > after);
    return later.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, LISTED_AT_ONCE);
  }

  private async put(id: string, resource: FhirObject): Promise<SubscriptionVersion> {
    const version = (this.versions.get(id)?.version ?? 0) + 1;
    const stored = { id, version, lastUpdatedMs: 1_700_000_000_000, deleted: false, resource };
    this.versions.set(id, stored);
    return stored;
  }
}

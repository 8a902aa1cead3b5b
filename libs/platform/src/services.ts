import { ClientFolder } from '#access';
import type { Database } from '#database';
import { type PackKeeper, RecentPacks } from '#delivery';
import { systemClock } from '#kernel';
import { type QueueLocation, type Queues, queuesAt } from '#queue';
import { type Log, Metrics, openLog } from '#telemetry';
import { ChannelCatalog } from './channel-catalog.js';
import { openEngineDatabase } from './open-database.js';
import type { Settings } from './settings.js';

/** Connections of the pool; journal and deliveries have their own besides. */
const maxConnections = 8;

/** What a role needs, in whatever process or thread it runs. */
export interface RoleServices {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly queues: Queues;
  readonly channels: ChannelCatalog;
  readonly installation: string;
  /** What was stored a moment ago, as far as it is known here: deliveries look here first. */
  readonly recent: RecentPacks;
}

/** What the roles of a process share. Opened before them, closed after them. */
export interface Services extends RoleServices {
  readonly application: string;
  /** Who may ask for tokens. */
  readonly clients: ClientFolder;
  /** For threads, which open connections of their own. */
  readonly databaseUrl: string;
  /** Where deliveries of this process, in whatever thread, learn what it stored. */
  readonly keeper: PackKeeper;
  /** How the database and the queue backend are to be called when a person asks. */
  readonly places: { readonly database: string; readonly queue: string };
  /** Settles when something is lost without which the process cannot go on. */
  readonly lost: Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens the services of `application`. Throws `misconfigured` for what a person must change, `unavailable` for what is away.
 * `keeper`: who is told what this process stores, where its deliveries run in another thread.
 */
export async function openServices(
  application: string,
  settings: Settings,
  keeper?: PackKeeper,
): Promise<Services> {
  const log = openLog(application, settings.logLevel);
  const metrics = new Metrics();
  const opened = await openEngineDatabase({
    ...settings,
    maxConnections,
    application: `suture-${application}`,
    onNotice: (notice) => log.warn(notice),
  });
  const { database, url, embedded, installation } = opened;
  try {
    const location: QueueLocation =
      settings.redisUrl === undefined
        ? { kind: 'postgres', url }
        : { kind: 'redis', url: settings.redisUrl, prefix: `suture-${installation.slice(0, 8)}` };
    const onTrouble = (where: string, error: unknown) => log.error('the queue has trouble', error, { where });
    const queues = queuesAt(location, onTrouble, { nearby: true });
    const channels = await ChannelCatalog.open(database, settings);
    reportQueue(metrics, queues);
    const recent = new RecentPacks();
    return {
      application,
      clients: new ClientFolder(settings.clientsDirectory, systemClock, (problems) => {
        for (const { code, message, ...place } of problems)
          log.warn('a client is not registered', { code, message, ...place });
      }),
      databaseUrl: url,
      settings,
      log,
      metrics,
      database,
      queues,
      channels,
      installation,
      recent,
      keeper: keeper ?? recent,
      places: {
        database: embedded === undefined ? placeOf(url) : `embedded PostgreSQL, ${placeOf(url)}`,
        queue:
          settings.redisUrl === undefined
            ? 'BullMQ on PostgreSQL'
            : `BullMQ on Redis, ${placeOf(settings.redisUrl)}`,
      },
      lost: embedded?.lost ?? new Promise(() => {}),
      close: async () => {
        await queues.close();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A URL without its password. */
function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function reportQueue(metrics: Metrics, queues: Queues): void {
  metrics.gauge('suture_queue_nudges', 'Nudges since the start, by what became of them', ['outcome'], () =>
    Object.entries(queues.counts()).map(([outcome, count]) => [{ outcome }, count] as const),
  );
}

import type { Redis, RedisOptions } from 'ioredis';

type Options = Omit<RedisOptions, 'replyMapping'>;

const firstRetryMs = 25;
const longestRetryMs = 1_000;

/**
 * The connections of one backend: those that are asked for here, and those that BullMQ makes of them (one per worker). BullMQ
 * loses sight of one that is reconnecting while it is closed, and such a one tries for ever and keeps the process alive; so
 * once this is closed, none tries again and none that still comes about stays.
 */
export class RedisConnections {
  private readonly alive = new Set<Redis>();
  private closed = false;

  constructor(
    private readonly client: typeof Redis,
    private readonly url: string,
  ) {}

  /** Connects, and again whenever the connection is lost, until closed. */
  connect(options: Options): Redis {
    const client = new this.client(this.url, {
      ...options,
      retryStrategy: (times) =>
        this.closed ? null : Math.min(firstRetryMs * 2 ** Math.min(times, 10), longestRetryMs),
    });
    client.duplicate = ((more?: Options) => this.connect({ ...options, ...more })) as Redis['duplicate'];
    this.alive.add(client);
    client.on('connecting', () => {
      this.alive.add(client);
      if (this.closed) client.disconnect();
    });
    client.on('end', () => this.alive.delete(client));
    return client;
  }

  close(): void {
    this.closed = true;
    for (const client of this.alive) client.disconnect();
  }
}

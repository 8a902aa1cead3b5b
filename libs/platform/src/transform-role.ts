import { EngineError, isEngineError, systemRandom } from '#kernel';
import { loadMappings, type MappingSet } from '#mapping';
import { Router, type TransformChannel, Transformer, TransformPartitions, transformChannel } from '#pipeline';
import { MessageWriter } from '#store';
import { engineVersion } from './engine-version.js';
import type { Services } from './services.js';

/** Filter, map, identify, store. */
export class TransformRole {
  private started = false;

  private constructor(
    private readonly services: Services,
    private readonly transformer: Transformer,
    /** What is wrong with mapping files and channels, a sentence each; the others run. */
    readonly problems: readonly string[],
  ) {}

  /** Compiles the mappings; transforms nothing yet. */
  static open(services: Services): TransformRole {
    const { database, settings, queues, log, metrics } = services;
    const problems: string[] = [];
    const mappings = loadMappings(settings.mappingsDirectory);
    for (const error of mappings.errors) {
      problems.push(
        `${error.file}:${error.line}:${error.column} ${error.code}: ${error.message}; ${error.remedy}`,
      );
    }
    const channels = readyChannels(services, mappings, problems);
    const context = { tenant: settings.tenant, engineVersion, channels };
    const writer = new MessageWriter(settings.tenant, systemRandom);
    const partitions = new TransformPartitions(database, writer, context, new Router(channels));
    const count = metrics.counter('suture_messages_transformed_total', 'Messages with an outcome', [
      'outcome',
    ]);
    const transformer = new Transformer(
      database,
      partitions,
      ({ messages, dead, deliveries }) => {
        count(messages - dead, { outcome: 'done' });
        if (dead > 0) {
          count(dead, { outcome: 'dead' });
          log.warn('messages became dead letters', { dead });
        }
        queues.nudge('anchor', 'anchor', {});
        if (deliveries > 0) queues.nudge('deliver', 'behind', {});
      },
      (error) => log.error('transforming has trouble', error),
    );
    return new TransformRole(services, transformer, problems);
  }

  start(): void {
    for (const problem of this.problems)
      this.services.log.warn('a mapping or channel is not used', { problem });
    this.transformer.start();
    this.started = true;
  }

  /** A nudge: this partition has messages. */
  wake(partition: number): void {
    this.transformer.wake(partition);
  }

  trouble(): string | undefined {
    return this.started ? undefined : 'the transformer has not started';
  }

  async stop(): Promise<void> {
    await this.transformer.stop();
  }
}

function readyChannels(
  { channels }: Services,
  mappings: MappingSet,
  problems: string[],
): ReadonlyMap<number, TransformChannel> {
  const ready = new Map<number, TransformChannel>();
  for (const { id, file } of channels.channels) {
    try {
      ready.set(id, transformChannel(file, id, mappings, channels.destinations, compileCondition));
    } catch (error) {
      if (!isEngineError(error, 'misconfigured', 'rejected')) throw error;
      problems.push(`channel ${file.channel}: ${error.code}: ${error.message}`);
    }
  }
  return ready;
}

function compileCondition(text: string): never {
  throw new EngineError(
    'misconfigured',
    'CHANNEL_FILTER_UNSUPPORTED',
    `the condition ${text} cannot be compiled yet`,
  );
}

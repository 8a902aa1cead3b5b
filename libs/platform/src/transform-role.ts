import { join } from 'node:path';
import { layerProblems, layersOfChannel } from '#channel';
import { EngineError, isEngineError, systemRandom } from '#kernel';
import type { MappingLibrary } from '#mapping';
import {
  Router,
  type TransformChannel,
  Transformer,
  TransformPartitions,
  type TransformResult,
  transformChannel,
} from '#pipeline';
import { IndexFiller, MessageWriter, readIndexState } from '#store';
import { TopicCatalog } from '#topics';
import { engineVersion } from './engine-version.js';
import { checkedMappings } from './mapping-check.js';
import type { Services } from './services.js';

/** Filter, map, identify, store. */
export class TransformRole {
  private transformer: Transformer | undefined;
  private readonly found: string[] = [];
  private readonly filler: IndexFiller;

  constructor(private readonly services: Services) {
    const { database, log } = services;
    this.filler = new IndexFiller(database, {
      onProgress: (message, facts) => log.info(message, facts),
      onTrouble: (error) => log.error('filling the search index met trouble', error),
    });
  }

  /** What is wrong with mapping files and channels, a sentence each; the others run. */
  get problems(): readonly string[] {
    return this.found;
  }

  /** Compiles the mappings, then transforms what waits and what comes. */
  start(): void {
    const { database, settings, log, keeper } = this.services;
    const channels = this.readyChannels(this.loadMappings());
    const context = { tenant: settings.tenant, engineVersion, channels };
    const writer = new MessageWriter(settings.tenant, systemRandom);
    const partitions = new TransformPartitions(
      database,
      writer,
      context,
      new Router(channels, this.openTopics()),
      keeper,
    );
    const onError = (error: unknown) => log.error('transforming has trouble', error);
    this.transformer = new Transformer(partitions, this.onDone(), onError);
    this.transformer.start();
    this.services.metrics.gauge(
      'suture_search_index_behind',
      'Resources at most that the search index does not hold yet as this build takes it',
      [],
      async () => [[{}, (await readIndexState(database)).behind]],
    );
    this.filler.start();
  }

  /** A nudge: a partition has messages. */
  wake(): void {
    this.transformer?.wake();
  }

  trouble(): string | undefined {
    return this.transformer === undefined ? 'the transformer has not started' : undefined;
  }

  async stop(): Promise<void> {
    await this.filler.stop();
    await this.transformer?.stop();
  }

  /** Counts what was done, and wakes those who come next. */
  private onDone(): (result: TransformResult) => void {
    const { queues, log, metrics } = this.services;
    const count = metrics.counter('suture_messages_transformed_total', 'Messages with an outcome', [
      'outcome',
    ]);
    return ({ messages, dead, deliveries }) => {
      count(messages - dead, { outcome: 'done' });
      if (dead > 0) {
        count(dead, { outcome: 'dead' });
        log.warn('messages became dead letters', { dead });
      }
      queues.nudge('anchor', 'anchor', {});
      if (deliveries > 0) queues.nudge('deliver', 'behind', {});
    };
  }

  private openTopics(): TopicCatalog {
    const topics = TopicCatalog.open(join(this.services.settings.mappingsDirectory, 'topics'));
    for (const { file, line, column, code, message, remedy } of topics.problems)
      this.report(`${file}:${line}:${column} ${code}: ${message}; ${remedy}`);
    return topics;
  }

  private loadMappings(): MappingLibrary {
    const { mappingsDirectory, dataDirectory } = this.services.settings;
    const choices = this.services.channels.channels.map(({ file }) => layersOfChannel(file));
    const { mappings, problems } = checkedMappings(mappingsDirectory, dataDirectory, choices);
    for (const { file, line, column, code, message, remedy } of problems) {
      this.report(`${file}:${line}:${column} ${code}: ${message}; ${remedy}`);
    }
    return mappings;
  }

  private readyChannels(mappings: MappingLibrary): ReadonlyMap<number, TransformChannel> {
    const { channels } = this.services;
    const ready = new Map<number, TransformChannel>();
    for (const { id, file } of channels.channels) {
      const unknown = layerProblems(file, mappings.layers);
      for (const { file: path, line, column, code, message, remedy } of unknown)
        this.report(`${path}:${line}:${column} ${code}: ${message}; ${remedy}`);
      if (unknown.length > 0) continue;
      try {
        const set = mappings.set(layersOfChannel(file));
        ready.set(id, transformChannel(file, id, set, channels.destinations));
      } catch (error) {
        if (!isEngineError(error, 'misconfigured', 'rejected')) throw error;
        this.report(`channel ${file.channel}: ${error.code}: ${error.message}`);
      }
    }
    return ready;
  }

  private report(problem: string): void {
    this.found.push(problem);
    this.services.log.error(
      'a mapping or channel is not used; its messages become dead letters',
      new EngineError('misconfigured', 'MAPPING_NOT_USED', problem),
    );
  }
}

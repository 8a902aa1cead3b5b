import { acceptedBy, type ChannelFile, type FileProblem, loadChannels } from '#channel';
import type { Database } from '#database';
import { channelId } from '#journal';
import { destinationIds, type IntakeChannel } from '#pipeline';
import type { Settings } from './settings.js';

/** A channel file with its number in the database. */
export interface NumberedChannel {
  readonly id: number;
  readonly file: ChannelFile;
}

/** The channel files of this process, each with its number, and what is wrong with those that are not here. */
export class ChannelCatalog {
  constructor(
    readonly channels: readonly NumberedChannel[],
    readonly problems: readonly FileProblem[],
    /** Numbers of destinations by full name, `channel.destination`. */
    readonly destinations: ReadonlyMap<string, number>,
  ) {}

  static async open(database: Database, settings: Settings): Promise<ChannelCatalog> {
    const { channels, problems } = await loadChannels(settings.channelsDirectory, settings.environment);
    const numbered: NumberedChannel[] = [];
    for (const file of channels) numbered.push({ id: await channelId(database, file.channel), file });
    const names = channels.flatMap((file) =>
      [...(file.destinations?.keys() ?? [])].map((name) => `${file.channel}.${name}`),
    );
    const destinations =
      names.length === 0 ? new Map<string, number>() : await destinationIds(database, names, 'http');
    return new ChannelCatalog(numbered, problems, destinations);
  }

  /** What intake needs to know. */
  forIntake(): IntakeChannel[] {
    return this.channels.map(({ id, file }) => ({
      id,
      name: file.channel,
      accept: acceptedBy(file),
      order: file.order ?? 'per_patient',
    }));
  }
}

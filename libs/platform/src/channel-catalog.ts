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
    const named = channels.flatMap((file) =>
      [...(file.destinations ?? [])].map(([name, declared]) => ({
        name: `${file.channel}.${name}`,
        kind: kindOf(declared),
      })),
    );
    const destinations = new Map<string, number>();
    for (const kind of new Set(named.map((one) => one.kind))) {
      const names = named.filter((one) => one.kind === kind).map(({ name }) => name);
      for (const [name, id] of await destinationIds(database, names, kind)) destinations.set(name, id);
    }
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

type Declared = NonNullable<ReturnType<NonNullable<ChannelFile['destinations']>['get']>>;

/** The kind of a destination as its file names it. */
function kindOf({ http, fhir, mllp }: Declared): 'http' | 'fhir' | 'mllp' | 'directory' {
  if (http) return 'http';
  if (fhir) return 'fhir';
  return mllp ? 'mllp' : 'directory';
}

import { acceptedBy, type ChannelFile, layersOfChannel, loadChannels, rowsFormatOf } from '#channel';
import type { CsvOverrides } from '#csv';
import { EngineError } from '#kernel';
import type { MappingParameters } from '#mapping';
import type { CommandSettings } from './settings.js';

/** What a channel says to the maps. */
export interface ChosenChannel {
  readonly channel: string | undefined;
  readonly parameters: MappingParameters;
  /** Undefined: there is no channel, so nobody chose. */
  readonly layers: readonly string[] | undefined;
  /** What it says of files of rows. */
  readonly overrides: CsvOverrides;
}

/** Which channel's parameters apply to a message that did not come through one. */
export class ChannelChoice {
  private constructor(
    private readonly channels: readonly ChannelFile[],
    private readonly asked: ChannelFile | undefined,
  ) {}

  /** `asked`: the channel a person named; `misconfigured` CHANNEL_NOT_FOUND when there is none. */
  static async open(settings: CommandSettings, asked: string | undefined): Promise<ChannelChoice> {
    const { channels } = await loadChannels(settings.channelsDirectory, settings.environment);
    const found = channels.find(({ channel }) => channel === asked);
    if (asked !== undefined && found === undefined) {
      const known = channels.map(({ channel }) => channel).join(', ') || 'none';
      throw new EngineError(
        'misconfigured',
        'CHANNEL_NOT_FOUND',
        `no channel '${asked}' (there are: ${known})`,
      );
    }
    return new ChannelChoice(channels, found);
  }

  /** The one asked for, else the one named by the journal, else the first that accepts the type. */
  of(type: string, journaledBy?: string): ChosenChannel {
    const found =
      this.asked ??
      this.channels.find((file) =>
        journaledBy === undefined ? accepts(acceptedBy(file), type) : file.channel === journaledBy,
      );
    return {
      channel: found?.channel,
      parameters: Object.fromEntries(found?.transform.with ?? []),
      layers: found && layersOfChannel(found),
      overrides: (found && rowsFormatOf(found)) ?? {},
    };
  }
}

function accepts(accepted: readonly string[], type: string): boolean {
  return accepted.some((one) => one === type || (one.endsWith('^*') && type.startsWith(one.slice(0, -1))));
}

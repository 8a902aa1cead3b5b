import type { MappingLibrary, MappingSet } from '#mapping';
import { type Arguments, type OptionSpecs, UsageError } from './arguments.js';
import type { ChosenChannel } from './channel-choice.js';
import type { Terminal } from './terminal.js';
import { counted } from './time-text.js';

export const layersOption: OptionSpecs[string] = {
  type: 'string',
  short: 'l',
  value: '<names>',
  about: "layers over the mappings, the highest last: us,site; none for none; default the channel's, else us",
};

/** Which layers the maps get that a command runs. */
export class LayerChoice {
  readonly #told = new Set<MappingSet>();

  private constructor(
    readonly library: MappingLibrary,
    private readonly typed: readonly string[] | undefined,
    private readonly terminal: Terminal,
  ) {}

  /** Of `--layers`: a layer that is not there is a mistake of the command line. */
  static read(words: Arguments, library: MappingLibrary, terminal: Terminal): LayerChoice {
    const text = words.text('layers');
    const layers = text === 'none' ? [] : text?.split(',').map((name) => name.trim());
    const unknown = layers?.find((name) => !library.layers.includes(name));
    if (unknown !== undefined) {
      const known = library.layers.join(', ') || 'none';
      throw new UsageError(`there is no layer '${unknown}' (there are: ${known})`);
    }
    return new LayerChoice(library, layers, terminal);
  }

  /** What was typed, else what the channel chooses, else the usual ones. */
  layers(channel?: ChosenChannel): readonly string[] {
    return this.typed ?? channel?.layers ?? this.library.usualLayers;
  }

  /** The maps with those layers; what is wrong in them is counted once, as a note. */
  maps(channel?: ChosenChannel): MappingSet {
    const set = this.library.set(this.layers(channel));
    if (this.#told.has(set)) return set;
    this.#told.add(set);
    const { length } = set.errors;
    if (length > 0)
      this.terminal.note(
        `${counted(length, 'problem')} in the mappings; those maps are not used: suture validate`,
      );
    return set;
  }
}

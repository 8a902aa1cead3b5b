import { type ChannelFile, type FileProblem, layerProblems, layersOfChannel } from '#channel';
import { type MappingLibrary, type MappingProblem, uniqueProblems } from '#mapping';

export interface CheckedLayers {
  /** Names of the message maps that are good without a layer, or with those of a channel. */
  readonly maps: readonly string[];
  readonly errors: readonly MappingProblem[];
  /** Layers that a channel asks for and nobody wrote. */
  readonly channelProblems: readonly (FileProblem & { readonly channel: string })[];
}

/** The mappings as they are, as each channel has them, and each layer that no channel has by itself. */
export function checkLayers(library: MappingLibrary, channels: readonly ChannelFile[]): CheckedLayers {
  const channelProblems = channels.flatMap((file) =>
    layerProblems(file, library.layers).map((problem) => ({ ...problem, channel: file.channel })),
  );
  const choices = channels
    .map(layersOfChannel)
    .filter((layers) => layers.every((layer) => library.layers.includes(layer)));
  const alone = library.layers.filter((layer) => !choices.some((layers) => layers.includes(layer)));
  const all = [[], ...choices, ...alone.map((layer) => [layer])];
  const sets = all.map((layers) => library.set(layers));
  return {
    maps: [...new Set(sets.flatMap((set) => set.maps.map(({ name }) => name)))],
    errors: uniqueProblems([...[...new Set(sets)].flatMap((set) => set.errors), ...library.unused(all)]),
    channelProblems,
  };
}

import { type ChannelFile, type FileProblem, layersOfChannel } from '#channel';
import type { MappingLibrary } from '#mapping';
import { filtersOf } from '#pipeline';

/** The filter conditions of channels that cannot be used, each where it stands in its file. */
export function conditionProblems(
  library: MappingLibrary,
  channels: readonly ChannelFile[],
): (FileProblem & { channel: string })[] {
  return channels.flatMap((file) => {
    const layers = layersOfChannel(file).filter((layer) => library.layers.includes(layer));
    const problems: FileProblem[] = [];
    filtersOf(file, library.set(layers), problems);
    return problems.map((problem) => ({ ...problem, channel: file.channel }));
  });
}

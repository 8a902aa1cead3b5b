import { acceptedBy, type ChannelFile, type FileProblem, layersOfChannel, rowsFormatOf } from '#channel';
import type { MappingLibrary } from '#mapping';
import { placeInChannel } from './channel-place.js';

/** Maps of rows that a channel accepts and that are not there, or that it names without taking rows. */
export async function acceptProblems(
  directory: string,
  library: MappingLibrary,
  channels: readonly ChannelFile[],
): Promise<(FileProblem & { channel: string })[]> {
  const problems: (FileProblem & { channel: string })[] = [];
  for (const file of channels) {
    const takesRows = rowsFormatOf(file) !== undefined;
    const named = acceptedBy(file).filter((name) => name.includes('.') || takesOnlyRows(file));
    if (named.length === 0) continue;
    const layers = layersOfChannel(file).filter((layer) => library.layers.includes(layer));
    const known = library.set(layers).layouts.map(({ name }) => name);
    for (const name of named.filter((one) => !takesRows || !known.includes(one)))
      problems.push({
        channel: file.channel,
        ...(await placeInChannel(directory, file.channel, name)),
        code: 'CHANNEL_ACCEPT_UNKNOWN',
        message: takesRows ? `no map for files of rows is called ${name}` : `${name} is no message type`,
        remedy: takesRows
          ? `there are: ${known.join(', ')}`
          : 'rows come as files: of a source of files with format: auto or csv',
      });
  }
  return problems;
}

function takesOnlyRows({ source: { directory, http, sftp } }: ChannelFile): boolean {
  const format = (directory ?? http ?? sftp)?.format;
  return format === 'csv' || typeof format === 'object';
}

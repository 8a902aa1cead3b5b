import type { CsvOverrides } from '#csv';
import type { ChannelFile } from './channel-file.js';

/** What a channel says of its files of rows, before what the layout of the map says; undefined when it takes none. */
export function rowsFormatOf({
  source: { directory: one, http: two, sftp: three },
}: ChannelFile): CsvOverrides | undefined {
  const format = (one ?? two ?? three)?.format;
  if (format === 'csv') return {};
  if (typeof format !== 'object') return undefined;
  const { header, nulls, delimiter, skip_lines, ...same } = format.csv;
  return {
    ...same,
    ...(delimiter === undefined ? {} : { delimiter: delimiter === '\\t' ? '\t' : delimiter }),
    ...(header === undefined ? {} : { header: header === 'auto' ? header : header === 'true' }),
    ...(nulls === undefined ? {} : { nulls: ['', ...nulls] }),
    ...(skip_lines === undefined ? {} : { skipLines: skip_lines }),
  };
}

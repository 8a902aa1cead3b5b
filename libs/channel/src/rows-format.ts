import type { CsvOverrides } from '#csv';
import type { ChannelFile } from './channel-file.js';

/**
 * What a channel says of its files of rows, before what the layout of the map says; undefined when it takes none. It takes some when
 * it says so, or leaves the format open and accepts a map of rows.
 */
export function rowsFormatOf({
  source: { directory: one, http: two, sftp: three },
}: ChannelFile): CsvOverrides | undefined {
  const source = one ?? two ?? three;
  const { format = 'auto', accept = [] } = source ?? {};
  if (format === 'csv' || (format === 'auto' && accept.some((name) => name.includes('.')))) return {};
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

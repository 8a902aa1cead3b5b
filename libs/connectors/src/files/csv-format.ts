import type { FileFinding, FileFormat, FileUnit } from '#channel';
import { type CsvFindings, type CsvOverrides, type CsvPart, CsvReader, type CsvSource } from '#csv';
import { EngineError } from '#kernel';
import { withLast } from './file-pieces.js';

const signNames = new Map([
  [',', 'comma'],
  [';', 'semicolon'],
  ['\t', 'tab'],
  ['|', 'pipe'],
]);

/** Columns named in a finding; a file may have thousands that nobody knows. */
const namedMax = 50;

/** So many bad rows, when they are more than half of all, and the file is given up: it is no such file. */
const badRowsMax = 1_000;

/** Files of rows, of one of these layouts: the one that is alone, or that whose columns a file has. */
export function csvFormat(layouts: readonly CsvSource[], overrides: CsvOverrides): FileFormat {
  const layout = layouts.length === 1 ? layouts[0] : undefined;
  return {
    name: 'csv',
    equalUnits: 'row',
    recognises: () => true,
    split: (pieces, unitMaxBytes) =>
      split(new CsvReader({ layout, layouts, overrides }), pieces, unitMaxBytes),
  };
}

async function* split(
  reader: CsvReader,
  pieces: AsyncIterable<Buffer>,
  unitMaxBytes: number,
): AsyncGenerator<FileUnit | FileFinding> {
  let rows = 0;
  let badRows = 0;
  for await (const { piece, isLast } of withLast(pieces)) {
    for (const part of isLast ? [...reader.push(piece), ...reader.end()] : reader.push(piece)) {
      yield unitOf(part, unitMaxBytes);
      rows += part.rows;
      if (part.fault) badRows++;
      if (badRows > badRowsMax && badRows > rows / 2)
        throw new EngineError(
          'rejected',
          'CSV_MOSTLY_BAD',
          `${badRows} of the first ${rows} rows are none; what stands behind them was not read`,
        );
    }
  }
  yield* findingsOf(reader);
}

function unitOf({ raw, line, fault }: CsvPart, unitMaxBytes: number): FileUnit {
  if (fault) return { raw, line, unfit: `${fault.code}: ${fault.message} (line ${line})` };
  return raw.length <= unitMaxBytes
    ? { raw, line }
    : {
        raw: raw.subarray(0, unitMaxBytes),
        line,
        unfit: `the rows of one message are longer than ${unitMaxBytes} bytes`,
      };
}

function* findingsOf({ findings, rows, badRows, units, skipped }: CsvReader): Generator<FileFinding> {
  if (!findings) return;
  const counts = `${rows} rows: ${rows - badRows} in ${units} messages, ${badRows} bad; ${skipped} lines are no rows`;
  yield { code: 'CSV_READ', line: 1, detail: `${counts}; ${lookOf(findings)}` };
  const { unknown } = findings;
  if (unknown.length === 0) return;
  const more = unknown.length > namedMax ? ` and ${unknown.length - namedMax} more` : '';
  const names = unknown.slice(0, namedMax).join(', ');
  yield {
    code: 'CSV_COLUMNS_UNKNOWN',
    line: 1,
    detail: `columns that the map does not know: ${names}${more}`,
  };
}

function lookOf({ layout, encoding, delimiter, header, decimal, dates }: CsvFindings): string {
  const sign = signNames.get(delimiter) ?? delimiter;
  return `${layout}, ${encoding}, delimiter ${sign}, ${header ? 'with' : 'without'} header, decimal ${decimal}, dates ${dates}`;
}

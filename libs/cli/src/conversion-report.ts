import type { ConvertedFile, MappingReport } from '#mapping';

/** What became of the cells of one column. */
export interface ColumnTally {
  mapped: number;
  dropped: number;
  unmapped: number;
}

/** What a report says of a file of rows beside what it says of every file. */
interface RowsFacts extends NonNullable<ConvertedFile['rows']> {
  /** By column, those the layout does not know too. */
  readonly columns: Readonly<Record<string, ColumnTally>>;
  /** Places and errors beyond those listed. */
  readonly unlisted: number;
}

/** What stands in a `.report.json`. In a file of several messages, places begin with the message's number: `#2 PID[1]-3`. */
export interface ConversionReport {
  readonly source: string;
  readonly format: 'hl7v2' | 'xml' | 'csv' | 'unknown';
  /** `partly`: some messages of the file were refused. */
  readonly outcome: 'converted' | 'partly' | 'refused';
  readonly messages: number;
  /** Names of the maps that ran. */
  readonly maps: readonly string[];
  readonly mapped: number;
  readonly dropped: MappingReport['dropped'];
  readonly unmapped: readonly string[];
  readonly errors: MappingReport['errors'];
  /** Of a file of rows. */
  readonly rows?: RowsFacts;
}

/** The account of a file of HL7 v2 or of a document. */
export function conversionReport(
  source: string,
  format: ConversionReport['format'],
  { bundle, messages }: ConvertedFile,
): ConversionReport {
  const maps = new Set<string>();
  const dropped: MappingReport['dropped'][number][] = [];
  const unmapped: string[] = [];
  const errors: MappingReport['errors'][number][] = [];
  let mapped = 0;
  for (const { number, map, report, refusal } of messages) {
    const at = (path: string) => (messages.length > 1 ? `#${number} ${path}`.trimEnd() : path);
    if (map !== undefined) maps.add(map);
    if (refusal !== undefined)
      errors.push({ code: refusal.code, path: at(''), rule: '', message: refusal.message });
    if (report === undefined) continue;
    mapped += report.mapped;
    for (const leaf of report.dropped) dropped.push({ ...leaf, path: at(leaf.path) });
    for (const place of report.unmapped) unmapped.push(at(place));
    for (const error of report.errors) errors.push({ ...error, path: at(error.path) });
  }
  const isPart = messages.some((message) => message.refusal !== undefined);
  const outcome = bundle === undefined ? 'refused' : isPart ? 'partly' : 'converted';
  const account = { maps: [...maps], mapped, dropped, unmapped, errors };
  return { source, format, outcome, messages: messages.length, ...account };
}

/** The report of a file that holds nothing which can be converted. */
export function refusedReport(
  source: string,
  format: ConversionReport['format'],
  code: string,
  message: string,
): ConversionReport {
  const none = { messages: 0, maps: [], mapped: 0, dropped: [], unmapped: [] };
  return { source, format, outcome: 'refused', ...none, errors: [{ code, path: '', rule: '', message }] };
}

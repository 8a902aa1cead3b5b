import type { FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import type { CodeTable, TableRow } from '../tables/code-table.js';
import { tableSystem, uriOf } from './code-systems.js';
import { type Convert, codeText, firstOfPart, type Level, partText, separatorOf } from './convert.js';
import type { Vocabulary } from './vocabulary.js';

/** What a conversion of codes needs to know beside the value. */
export interface CodedOptions {
  readonly vocabulary: Vocabulary;
  readonly level: Level;
  /** HL7 table the field is bound to; 0 when none. Names the system of a code that comes without one. */
  readonly hl7Table: number;
  readonly table: CodeTable | undefined;
  /** System of codes that come without one; '' for that of the HL7 table. */
  readonly system: string;
}

function defaultSystem({ system, hl7Table }: CodedOptions): string | undefined {
  if (system !== '') return system;
  return hl7Table > 0 ? tableSystem(hl7Table) : undefined;
}

/** Numbers of the parts of the three codings of CWE: code, display, system, version, OID of the system. */
const codings = [
  [1, 2, 3, 7, 14],
  [4, 5, 6, 8, 17],
  [10, 11, 12, 13, 20],
] as const;
type CodingParts = (typeof codings)[number];

/** CWE, CNE, CE and CF to CodeableConcept (v2-to-FHIR CWE[CodeableConcept]). */
export function conceptConvert(options: CodedOptions): Convert {
  const codingOf = codingReader(options);
  const { level, table } = options;
  return (run, start, end) => {
    const first = codingOf(run, start, end, codings[0]);
    const list: FhirObject[] = [];
    if (first && (first['code'] !== undefined || first['display'] !== undefined)) list.push(first);
    let text: string | undefined;
    // Nearly all values end after the third component.
    if (countParts(run, start, end, separatorOf(run, level)) > 3) {
      const second = codingOf(run, start, end, codings[1]);
      if (second) list.push(second);
      const third = codingOf(run, start, end, codings[2]);
      if (third) list.push(third);
      text = partText(run, start, end, 9, level);
    }
    const only = list[0];
    if (list.length === 1 && only && only['code'] === undefined && only['system'] === undefined) {
      text ??= only['display'] as string;
      list.pop();
    }
    if (table) translated(list, table);
    if (list.length === 0) return text === undefined ? undefined : { text };
    return text === undefined ? { coding: list } : { coding: list, text };
  };
}

/** The standard coding goes first; the source's own stays behind it when it says more than the code. */
function translated(list: FhirObject[], table: CodeTable): void {
  const code = list[0]?.['code'];
  const row = typeof code === 'string' ? table.row(code) : undefined;
  const standard =
    row ?? (typeof code === 'string' && table.otherwise.kind === 'row' ? table.otherwise.row : undefined);
  if (!standard) return;
  const coding = rowCoding(standard);
  if (coding['system'] === list[0]?.['system'] && coding['code'] === code) return;
  list.unshift(coding);
}

const rowCodings = new WeakMap<TableRow, FhirObject>();

/** The Coding of a table row; one object per row. */
export function rowCoding(row: TableRow): FhirObject {
  let coding = rowCodings.get(row);
  if (!coding) {
    coding = {};
    if (row.toSystem !== '') coding['system'] = row.toSystem;
    coding['code'] = row.to;
    if (row.display !== '') coding['display'] = row.display;
    rowCodings.set(row, coding);
  }
  return coding;
}

function codingReader(
  options: CodedOptions,
): (run: Run, start: number, end: number, parts: CodingParts) => FhirObject | undefined {
  const { vocabulary, level } = options;
  const otherwise = defaultSystem(options);
  return (run, start, end, parts) => {
    const code = firstOfPart(run, start, end, parts[0], level);
    const display = partText(run, start, end, parts[1], level);
    if (code === undefined && display === undefined) return undefined;
    const name = partText(run, start, end, parts[2], level);
    const version = partText(run, start, end, parts[3], level);
    const coding: FhirObject = {};
    const known = name === undefined ? undefined : vocabulary.systems.known(name);
    const oid = partText(run, start, end, parts[4], level);
    if (known !== undefined) coding['system'] = known;
    else if (oid !== undefined) coding['system'] = uriOf(oid) ?? vocabulary.systems.uri(name ?? oid);
    else if (name !== undefined) coding['system'] = vocabulary.systems.uri(name);
    else if (otherwise !== undefined && code !== undefined) coding['system'] = otherwise;
    if (version !== undefined) coding['version'] = version;
    if (code !== undefined) coding['code'] = codeText(code);
    if (display !== undefined) coding['display'] = display;
    return coding;
  };
}

function countParts(run: Run, start: number, end: number, separatorCode: number): number {
  let count = 1;
  for (let i = start; i < end; i++) if (run.text.charCodeAt(i) === separatorCode) count++;
  return count;
}

/** CWE and relatives to one Coding: the first that has a code. */
export function codingConvert(options: CodedOptions): Convert {
  const codingOf = codingReader(options);
  const { table } = options;
  return (run, start, end) => {
    const coding = codingOf(run, start, end, codings[0]);
    if (!coding) return undefined;
    const code = coding['code'];
    if (!table) return coding;
    const row = typeof code === 'string' ? table.find(code) : undefined;
    return row ? rowCoding(row) : undefined;
  };
}

/** A plain code (ID, IS, ST) to CodeableConcept or Coding, its system named by the field's HL7 table. */
export function plainCodeConvert(options: CodedOptions, target: 'CodeableConcept' | 'Coding'): Convert {
  const { table, level } = options;
  const system = defaultSystem(options);
  return (run, start, end) => {
    const text = firstOfPart(run, start, end, 1, level);
    if (text === undefined) return undefined;
    const row = table?.find(text);
    if (table && !row) return undefined;
    let coding: FhirObject;
    if (row) coding = rowCoding(row);
    else if (system !== undefined) coding = { system, code: codeText(text) };
    else if (target === 'CodeableConcept') return { text };
    else coding = { code: codeText(text) };
    return target === 'Coding' ? coding : { coding: [coding] };
  };
}

/** Any coded value to `code`: its first part, through the table when there is one. */
export function codeConvert(options: CodedOptions): Convert {
  const { table, level } = options;
  return (run, start, end) => {
    const text = firstOfPart(run, start, end, 1, level);
    if (text === undefined) return undefined;
    return table ? table.find(text)?.to : codeText(text);
  };
}

/** CWE and relatives to text: original text, display or code, the first that is valued. */
export function conceptTextConvert(level: Level): Convert {
  return (run, start, end) =>
    partText(run, start, end, 9, level) ??
    partText(run, start, end, 2, level) ??
    partText(run, start, end, 1, level);
}

/** EI to Coding: the identifier as code, its authority as system. */
export function entityCodingConvert(vocabulary: Vocabulary, level: Level): Convert {
  return (run, start, end) => {
    const code = partText(run, start, end, 1, level);
    const name = partText(run, start, end, 2, level);
    const id = partText(run, start, end, 3, level);
    const type = partText(run, start, end, 4, level);
    if (code === undefined) return undefined;
    const coding: FhirObject = {};
    const system =
      id === undefined && name !== undefined
        ? vocabulary.systems.uri(name)
        : vocabulary.authoritySystem(name, id, type);
    if (system !== undefined) coding['system'] = system;
    coding['code'] = codeText(code);
    if (id !== undefined && name !== undefined) coding['display'] = name;
    return coding;
  };
}

import { bindHeader, numberedNames, plainName } from './bind-columns.js';
import { momentOf, numberText } from './cell-value.js';
import { CsvReader } from './csv-reader.js';
import type { ColumnType, CsvColumn, CsvSource } from './csv-source.js';
import { type CsvUnit, readUnit } from './csv-unit.js';
import { needsOrder } from './moment.js';
import type { CsvFindings } from './settle-file.js';

/** A column of a file, and what is guessed of it. */
export interface DraftColumn {
  /** As the file has it. */
  readonly header: string;
  /** As rules may call it. */
  readonly name: string;
  readonly type: ColumnType;
  /** The column of the nearest layout that has this name. */
  readonly known: CsvColumn | undefined;
  /** In percent. */
  readonly confidence: number;
  readonly why: string;
}

/** What can be guessed of a file of rows. */
export interface LayoutDraft {
  readonly findings: CsvFindings;
  /** The layout that has the most columns of the file; undefined where none has two of them. */
  readonly nearest: CsvSource | undefined;
  /** Whether the file is of that layout as it is. */
  readonly isOfIt: boolean;
  readonly columns: readonly DraftColumn[];
  readonly rows: number;
}

const sure = 95;
const doubtful = 60;
const codesMax = 20;
const codeLength = 12;
const leastMatches = 2;

/** Guesses the layout of a file that begins so. Throws `rejected` when it has no rows. */
export function draftLayout(start: Buffer, layouts: readonly CsvSource[]): LayoutDraft {
  const units = unitsOf(start);
  const { findings } = units;
  const header =
    units.list[0]?.header ?? Array.from({ length: findings.cells }, (_, at) => `column_${at + 1}`);
  const rows = units.list.flatMap((unit) => unit.rows);
  const nearest = nearestOf(header, layouts);
  const binding = nearest && bindHeader(header, nearest);
  const taken = new Set(nearest?.columns.map(({ name }) => name));
  const columns = numberedNames(header).map((name, at): DraftColumn => {
    const known = nearest?.columns[binding?.columns[at] ?? -1];
    const values = rows.flatMap((cells) => cells[at]?.trim() || []);
    const guess = guessType(values);
    if (known) return { header: name, name: known.name, ...fitOf(known, guess, values), known };
    return { header: name, name: wordOf(name, taken), ...guess, known };
  });
  const isOfIt = nearest !== undefined && layoutOf(start, layouts) === nearest.name;
  return { findings, nearest, isOfIt, columns, rows: rows.length };
}

/** The layout that the reader takes by itself. */
function layoutOf(start: Buffer, layouts: readonly CsvSource[]): string | undefined {
  const reader = new CsvReader({ layouts, takesUnknown: true });
  reader.push(start);
  reader.end();
  return reader.findings?.layout;
}

function unitsOf(start: Buffer): { list: readonly CsvUnit[]; findings: CsvFindings } {
  const reader = new CsvReader({ takesUnknown: true });
  const parts = [...reader.push(start), ...reader.end()];
  const list = parts.flatMap(({ raw, fault }) => (fault ? [] : (readUnit(raw) ?? [])));
  return { list, findings: reader.findings as CsvFindings };
}

function nearestOf(header: readonly string[], layouts: readonly CsvSource[]): CsvSource | undefined {
  let nearest: CsvSource | undefined;
  let most = leastMatches - 1;
  for (const layout of layouts) {
    const { unknown } = bindHeader(header, layout);
    const matches = header.length - unknown.length;
    if (matches <= most) continue;
    nearest = layout;
    most = matches;
  }
  return nearest;
}

type Guess = Pick<DraftColumn, 'type' | 'confidence' | 'why'>;

function fitOf(known: CsvColumn, guess: Guess, values: readonly string[]): Guess {
  const { type } = known;
  if (values.length === 0) return { type, confidence: sure - 15, why: 'a known name; no values to look at' };
  const isText = type === 'string' || type === 'code' || type === 'boolean';
  const isDate = (one: ColumnType) => one === 'date' || one === 'datetime';
  const isNumber = (one: ColumnType) => one === 'decimal' || one === 'integer';
  const fits =
    isText ||
    type === guess.type ||
    (isDate(type) && isDate(guess.type)) ||
    (isNumber(type) && isNumber(guess.type));
  if (fits && isDate(type) && guess.confidence < doubtful) return { ...guess, type };
  if (fits) return { type, confidence: sure, why: `a known name, and ${values.length} values fit` };
  return { type, confidence: doubtful - 5, why: `a known name, but the values look like ${guess.type}` };
}

/** The type of which the most values are. */
function guessType(values: readonly string[]): Guess {
  const { length } = values;
  if (length === 0) return { type: 'string', confidence: 30, why: 'no values to look at' };
  const share = (test: (value: string) => boolean) => values.filter(test).length / length;
  const moment = momentOf([], 'day-first');
  const other = momentOf([], 'month-first');
  const isMoment = (value: string) =>
    !/^\d{1,7}$/.test(value) && (moment(value) ?? other(value)) !== undefined;
  const dates = share(isMoment);
  if (dates >= 0.9) return guessMoment(values, dates);
  const isNumber = (value: string) =>
    /^[<>]?=?-?\d+(?:\.\d+)?$/.test(numberText(value, value.includes(',') ? ',' : '.'));
  const numbers = share(isNumber);
  const isLong = values.some((value) => /^0\d|^\d{7,}$/.test(value));
  if (numbers >= 0.9 && !isLong) {
    const whole = values.every((value) => /^-?\d+$/.test(value));
    return {
      type: whole ? 'integer' : 'decimal',
      confidence: Math.round(numbers * 90),
      why: `${percent(numbers)} are numbers`,
    };
  }
  const distinct = new Set(values).size;
  const isCode =
    distinct <= codesMax &&
    distinct < length &&
    values.every((value) => value.length <= codeLength && !value.includes(' '));
  if (isCode) return { type: 'code', confidence: 70, why: `${distinct} different short words` };
  return { type: 'string', confidence: 50, why: 'text' };
}

function guessMoment(values: readonly string[], share: number): Guess {
  const hasTime = values.some((value) => /\d:\d/.test(value) || /^\d{12,}/.test(value));
  const type = hasTime ? 'datetime' : 'date';
  const open = values.filter(needsOrder);
  const isSettled =
    open.length === 0 ||
    open.some((value) =>
      value
        .split(/[-/. ]/)
        .slice(0, 2)
        .some((part) => Number(part) > 12),
    );
  return isSettled
    ? { type, confidence: Math.round(share * 90), why: `${percent(share)} are moments` }
    : { type, confidence: 40, why: 'day and month could be either' };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A word of the language that no other column has. */
function wordOf(header: string, taken: Set<string>): string {
  const plain = header
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  const word =
    /^[A-Za-z]/.test(plain) && plainName(plain) !== '' ? plain : `column_${plain}`.replace(/_+$/, '');
  let name = word;
  for (let n = 2; taken.has(name); n++) name = `${word}_${n}`;
  taken.add(name);
  return name;
}

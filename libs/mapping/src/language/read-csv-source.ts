import {
  type ColumnType,
  type CsvColumn,
  type CsvSource,
  columnTypes,
  isEncoding,
  momentReader,
  plainSource,
} from '#csv';
import { nearestName } from '#kernel';
import { type Problems, suggestion } from './problems.js';
import { checkKeys, listOf, textOf } from './read-keys.js';
import { entryOf, type MapEntry, type MapNode, type YamlNode } from './yaml-node.js';

export const csvKeys = [
  'delimiter',
  'quote',
  'encoding',
  'header',
  'decimal',
  'dates',
  'zone',
  'nulls',
  'comment',
  'skip',
  'skip_lines',
  'group',
  'patient',
  'columns',
] as const;
export const columnKeys = ['type', 'headers', 'required', 'dates', 'width'] as const;

const columnName = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Words of the expression language. */
const reserved = new Set(['and', 'or', 'not', 'in', 'valued', 'as', 'count', 'channel']);
const widthMax = 100_000;

/** What stands under `source: csv:`; whatever is wrong goes to `problems`. */
export function readCsvSource(name: string, entry: MapEntry, problems: Problems): CsvSource | undefined {
  const node = entry.value;
  if (node.kind !== 'map') {
    problems.add(
      entry.keyPlace,
      'MAPPING_SHAPE',
      'csv holds what is known of the file',
      'write columns: and their names',
    );
    return undefined;
  }
  checkKeys(node, csvKeys, problems);
  const word = (key: string): string | undefined => textUnder(node, key, problems);
  const columns = readColumns(node, problems);
  const named = (key: 'group' | 'patient') => readNames(node, key, columns, problems);
  const skipLines = word('skip_lines');
  return {
    name,
    delimiter: oneSign(node, 'delimiter', ['auto'], problems) ?? plainSource.delimiter,
    quote: oneSign(node, 'quote', ['auto', 'none'], problems) ?? plainSource.quote,
    encoding: readEncoding(node, problems) ?? plainSource.encoding,
    header: oneOf(node, 'header', headerWords, problems) ?? plainSource.header,
    decimal: oneOf(node, 'decimal', decimalWords, problems) ?? plainSource.decimal,
    dates: readDates(node, problems),
    zone: word('zone'),
    nulls: entryOf(node, 'nulls') ? ['', ...texts(node, 'nulls')] : plainSource.nulls,
    comment: entryOf(node, 'comment') ? (texts(node, 'comment')[0] ?? '') : plainSource.comment,
    skip: texts(node, 'skip'),
    skipLines: skipLines === undefined ? 0 : readNumber(node, 'skip_lines', skipLines, problems),
    group: named('group'),
    patient: named('patient')[0],
    columns,
  };
}

const headerWords = new Map<string, boolean | 'auto'>([
  ['true', true],
  ['false', false],
  ['auto', 'auto'],
]);
const requiredWords = new Map<string, CsvColumn['required']>([
  ['cell', 'cell'],
  ['column', 'column'],
]);
const decimalWords = new Map<string, '.' | ',' | 'auto'>([
  ['.', '.'],
  [',', ','],
  ['auto', 'auto'],
]);

function oneOf<T>(
  node: MapNode,
  key: string,
  words: ReadonlyMap<string, T>,
  problems: Problems,
): T | undefined {
  const text = textUnder(node, key, problems);
  const value = text === undefined ? undefined : words.get(text);
  if (text !== undefined && value === undefined)
    wrong(node, key, `'${text}' is no ${key}`, `use one of: ${[...words.keys()].join('  ')}`, problems);
  return value;
}

function textUnder(node: MapNode, key: string, problems: Problems): string | undefined {
  const entry = entryOf(node, key);
  return entry && textOf(entry.value, key, problems)?.text;
}

function texts(node: MapNode, key: string): string[] {
  return listOf(entryOf(node, key)).flatMap((item) => (item.kind === 'scalar' ? [item.text] : []));
}

function wrong(node: MapNode, key: string, message: string, remedy: string, problems: Problems): void {
  problems.add(entryOf(node, key)?.keyPlace ?? node, 'MAPPING_CSV', message, remedy);
}

/** One character; `\t` is a tab. */
function oneSign(
  node: MapNode,
  key: string,
  words: readonly string[],
  problems: Problems,
): string | undefined {
  const text = texts(node, key)[0];
  if (text === undefined || words.includes(text)) return text;
  const sign = text === '\\t' || text === 'tab' ? '\t' : text;
  if (sign.length === 1 && sign.charCodeAt(0) < 0x80 && !/[A-Za-z0-9\r\n]/.test(sign)) return sign;
  wrong(
    node,
    key,
    `'${text}' is no ${key}`,
    `write one sign (a tab is "\\t"), or ${words.join(' or ')}`,
    problems,
  );
  return undefined;
}

function readEncoding(node: MapNode, problems: Problems): string | undefined {
  const label = textUnder(node, 'encoding', problems);
  if (label === undefined || label === 'auto' || isEncoding(label)) return label;
  wrong(
    node,
    'encoding',
    `nobody knows the encoding ${label}`,
    'write for instance utf-8, windows-1252 or auto',
    problems,
  );
  return undefined;
}

function readNumber(node: MapNode, key: string, text: string, problems: Problems): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (number >= 0 && number <= widthMax) return number;
  wrong(node, key, `'${text}' is no number of ${key}`, 'write a whole number', problems);
  return 0;
}

function readDates(node: MapNode, problems: Problems): string[] {
  return texts(node, 'dates').filter((form) => {
    if (momentReader(form)) return true;
    wrong(
      node,
      'dates',
      `'${form}' is no form of a date`,
      'write for instance dd.MM.yyyy, M/d/yy h:mm a or excel',
      problems,
    );
    return false;
  });
}

function readColumns(node: MapNode, problems: Problems): CsvColumn[] {
  const entry = entryOf(node, 'columns');
  if (entry?.value.kind !== 'map' || entry.value.entries.length === 0) {
    const remedy = 'write columns: and for each its name and type, for instance birth_date: date';
    problems.add(
      entry?.keyPlace ?? node,
      'MAPPING_CSV',
      'columns holds the columns that rules speak of',
      remedy,
    );
    return [];
  }
  const columns = entry.value.entries.flatMap((one) => readColumn(one, problems) ?? []);
  const widths = columns.filter(({ width }) => width !== undefined).length;
  if (widths > 0 && widths < columns.length)
    wrong(
      node,
      'columns',
      'some columns have a width and others none',
      'give all of them a width, or none',
      problems,
    );
  return columns;
}

function readColumn({ key, keyPlace, value }: MapEntry, problems: Problems): CsvColumn | undefined {
  if (!columnName.test(key) || reserved.has(key)) {
    const remedy = 'use letters, digits and _; what the file calls it stands under headers';
    problems.add(keyPlace, 'MAPPING_CSV', `rules cannot speak of a column '${key}'`, remedy);
    return undefined;
  }
  const plain = { name: key, headers: [], dates: [], required: 'no', width: undefined } as const;
  if (value.kind !== 'map') {
    const type = value.kind === 'scalar' && value.text === '' ? 'string' : typeOf(value, problems);
    return { ...plain, type: type ?? 'string' };
  }
  checkKeys(value, columnKeys, problems);
  const typed = entryOf(value, 'type');
  const width = texts(value, 'width')[0];
  return {
    ...plain,
    type: (typed && typeOf(typed.value, problems)) ?? 'string',
    headers: texts(value, 'headers'),
    dates: readDates(value, problems),
    required: oneOf(value, 'required', requiredWords, problems) ?? 'no',
    width: width === undefined ? undefined : readNumber(value, 'width', width, problems),
  };
}

function typeOf(node: YamlNode, problems: Problems): ColumnType | undefined {
  const text = node.kind === 'scalar' ? node.text : '';
  const type = columnTypes.find((one) => one === text);
  if (type === undefined)
    problems.add(
      node,
      'MAPPING_CSV',
      `'${text}' is no type of a column`,
      `use one of: ${columnTypes.join(', ')}`,
    );
  return type;
}

function readNames(
  node: MapNode,
  key: 'group' | 'patient',
  columns: readonly CsvColumn[],
  problems: Problems,
): string[] {
  return texts(node, key).filter((name) => {
    if (columns.some((column) => column.name === name)) return true;
    const known = columns.map((column) => column.name);
    wrong(
      node,
      key,
      `there is no column ${name}`,
      suggestion(nearestName(name, known), known, 'name one of columns'),
      problems,
    );
    return false;
  });
}

import type { ReadCells } from './cells.js';

/** The order of day and month in a file, where its cells do not show it. */
export type DayOrder = 'day first' | 'month first';

/**
 * The same cells as the scorer can read them: UTF-8, commas, every cell in quotes, nothing for nulls, and moments as HL7 has them
 * (it compares only those as moments; plain ISO dates it finds as text). Read by csv-parse and here, not by our reader.
 */
export function copyForScorer(
  { header, rows }: ReadCells,
  nulls: readonly string[],
  order: DayOrder,
): string {
  const empty = new Set(nulls);
  const lines = rows.map((cells) =>
    cells.map((cell) => (empty.has(cell.trim()) ? '' : (momentOf(cell.trim(), order) ?? cell))),
  );
  return [header, ...lines].map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

const iso = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:\d\d)?$/;
const figures = /^(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d\d)(?: (.+))?$/;
const words = /^[A-Z][a-z]{2,8} \d{1,2}, \d{4}$/;

/** Digits as HL7 has them of a moment that is not written so; undefined when the text is none. */
export function momentOf(text: string, order: DayOrder): string | undefined {
  const [, ...parts] = iso.exec(text) ?? [];
  if (parts.length > 0) {
    const zone = parts.pop()?.replace('Z', '+00:00').replace(':', '') ?? '';
    return parts.join('') + zone;
  }
  const [, first = '', , second = '', year = '', time] = figures.exec(text) ?? [];
  if (first === '') return words.test(text) ? digitsOf(text, false) : undefined;
  const dayFirst = Number(first) > 12 || (order === 'day first' && Number(second) <= 12);
  const [day, month] = dayFirst ? [first, second] : [second, first];
  const fullYear = year.length === 2 ? `20${year}` : year;
  return digitsOf(`${month}/${day}/${fullYear} ${time ?? ''}`, time !== undefined);
}

/** As the engine of the language reads dates of the United States. */
function digitsOf(text: string, withTime: boolean): string | undefined {
  const ms = Date.parse(`${text} UTC`);
  if (Number.isNaN(ms)) return undefined;
  return new Date(ms)
    .toISOString()
    .replace(/\D/g, '')
    .slice(0, withTime ? 12 : 8);
}

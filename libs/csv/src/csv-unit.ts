import { type CsvDialect, isDialect } from './csv-dialect.js';
import type { CsvOverrides } from './csv-source.js';
import { UnitCodec } from './encoding.js';
import { RowCutter } from './row-cutter.js';

const magic = '#suture-rows ';
/** Of the first line, in bytes. */
const headMax = 64 * 1024;

/** What stands before the rows of a unit: all that is needed to read them alone. */
export interface CsvUnitHead {
  /** Name of the layout, which is that of the map. */
  readonly layout: string;
  readonly dialect: CsvDialect;
  /** Where the first row stands in the file, from 1. */
  readonly line: number;
  /** Whom the rows are about, where the layout says which column that is. */
  readonly patient?: string;
  /** What the channel said of its files. */
  readonly overrides?: CsvOverrides;
}

/** Rows of a file that are one message, as they were read out of their unit. */
export interface CsvUnit extends CsvUnitHead {
  /** Cells of the header; undefined without one. */
  readonly header: readonly string[] | undefined;
  readonly rows: readonly (readonly string[])[];
}

/**
 * A unit as it is kept and hashed: one line that says how to read it, then the bytes of the header and of the rows as the
 * file had them, in its encoding. So it can be mapped again alone, whenever, by whatever the map has become.
 */
export function writeUnit(head: CsvUnitHead, header: Buffer, rows: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${magic}${JSON.stringify(head)}\n`), header, rows]);
}

/** Whether bytes are a unit of rows. */
export function isUnit(raw: Buffer): boolean {
  return raw.toString('latin1', 0, magic.length) === magic;
}

/** Name of the layout of a unit of which only the beginning is there; undefined for bytes that are none. */
export function layoutOfUnit(start: Buffer): string | undefined {
  const text = start.toString('utf8', 0, magic.length + 300);
  return text.startsWith(magic) ? /^\{"layout":"([^"\\]*)"/.exec(text.slice(magic.length))?.[1] : undefined;
}

/** The head of a unit; undefined for bytes that are none. */
export function readUnitHead(raw: Buffer): CsvUnitHead | undefined {
  return headOf(raw)?.head;
}

function headOf(raw: Buffer): { readonly head: CsvUnitHead; readonly end: number } | undefined {
  if (!isUnit(raw)) return undefined;
  const end = raw.indexOf(0x0a);
  if (end < 0 || end > headMax) return undefined;
  try {
    const head = JSON.parse(raw.toString('utf8', magic.length, end)) as CsvUnitHead;
    return typeof head.layout === 'string' && isDialect(head.dialect) ? { head, end: end + 1 } : undefined;
  } catch {
    // SyntaxError: something that only begins like a unit.
    return undefined;
  }
}

/** Reads a unit that `writeUnit` wrote; undefined for bytes that are none. */
export function readUnit(raw: Buffer): CsvUnit | undefined {
  const found = headOf(raw);
  if (!found) return undefined;
  const { head, end } = found;
  const codec = new UnitCodec(head.dialect.encoding);
  const cutter = new RowCutter(head.dialect);
  const cut = [...cutter.push(codec.units(raw.subarray(end))), ...cutter.end()];
  const cells = cut.flatMap((row) => (row.cells ? [row.cells.map((cell) => codec.text(cell) ?? '')] : []));
  const header = head.dialect.header ? cells.shift() : undefined;
  return { ...head, header, rows: cells };
}

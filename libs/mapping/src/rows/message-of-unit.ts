import { type CsvSource, type CsvUnit, unitCells } from '#csv';
import { type Message, messageOfRows } from '#hl7v2';
import { rowSegment } from '../dictionary/v2-dictionary.js';
import { type ZoneOffset, zoneOffsets } from '../types/time-zone.js';

/** A moment with a time of day and no zone, in digits. */
const localMoment = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\d{2}(?:\.\d+)?)?$/;

/** The rows of a unit as a message: cell n is field n of its row, as the layout has them. */
export function messageOfUnit(unit: CsvUnit, layout: CsvSource): Message {
  const { names, rows } = unitCells(unit, layout);
  const zone = unit.overrides?.zone ?? layout.zone;
  const offset = zone === undefined ? undefined : zoneOffsets.of(zone);
  const moments = layout.columns.flatMap(({ type }, at) => (type === 'datetime' ? [at] : []));
  if (!offset || moments.length === 0) return messageOfRows(rowSegment, names, rows);
  const zoned = rows.map((cells) => {
    const row = [...cells];
    for (const at of moments) row[at] = withZone(row[at] ?? '', offset);
    return row;
  });
  return messageOfRows(rowSegment, names, zoned);
}

function withZone(cell: string, offset: ZoneOffset): string {
  const match = localMoment.exec(cell);
  if (!match) return cell;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = match.slice(1).map((part) => Number(part));
  const zone = offset(year, month, day, hour, minute);
  return cell + (zone === 'Z' ? '+0000' : zone.replace(':', ''));
}

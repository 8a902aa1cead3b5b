import { Message } from './message.js';
import { readMessageHeader } from './message-header.js';
import { Segment } from './segment.js';
import type { Separators } from './separators.js';

/** Cells are values as they stand: nothing divides them, nothing in them is escaped. */
const undivided: Separators = {
  field: '\t',
  encoding: '',
  component: '',
  repetition: '',
  escape: '',
  subcomponent: '',
  truncation: '',
};
const header = { ...readMessageHeader(Buffer.alloc(0)), separators: undivided };

/**
 * Rows of a table as a message: each is a segment of that name, cell n its field n, called by its column in paths
 * (`row[2].birth_date`). So all that is done with the fields of HL7 can be done with cells.
 */
export function messageOfRows(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): Message {
  const lines = rows.map((cells) => cells.join(undivided.field));
  const message = new Message(header, lines.join('\r'), 'UTF-8');
  message.columnNames = columns;
  let start = 0;
  rows.forEach((cells, index) => {
    const base = message.fieldStarts.length - 1;
    let at = start;
    for (const cell of cells) {
      message.fieldStarts.push(at);
      at += cell.length + 1;
    }
    const end = start + (lines[index] ?? '').length;
    const place = {
      name,
      occurrence: index + 1,
      index,
      start,
      end,
      fieldCount: cells.length,
      base,
    };
    message.segments.push(new Segment(message, place));
    start = end + 1;
  });
  return message;
}

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { messageOfRows } from './row-message.js';

const cell = fc.string({
  unit: fc.constantFrom('a', '|', '^', '~', '&', '\\', '\t', '\n', '\r', '"', 'é'),
  maxLength: 5,
});

test('every cell is one value, whatever stands in it, and has a path of its own', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), (rows) => {
      const message = messageOfRows('ROW', ['one', 'two', 'three'], rows);
      const values = message.segments.map((row) => [1, 2, 3].map((field) => row.value(field)));
      expect(values).toEqual(
        rows.map((row) => row.map((text) => (text === '' ? undefined : text === '""' ? null : text))),
      );
      const leaves = new Map<string, string>();
      message.eachLeaf((row, field, repetition, component, subcomponent, start, end) => {
        leaves.set(row.path(field, repetition, component, subcomponent), message.text.slice(start, end));
        expect(message.pathAt(start)).toBe(row.path(field));
      });
      const names = ['one', 'two', 'three'];
      const expected = rows.flatMap((row, at) =>
        row.flatMap((text, column) =>
          text === '' ? [] : [[`row[${at + 1}].${names[column]}`, text] as const],
        ),
      );
      expect([...leaves]).toEqual(expected);
    }),
    { seed: 17 },
  );
});

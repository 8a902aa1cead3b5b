import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ExpressionMistake } from './expression-mistake.js';
import { parseCondition, parseValue } from './parse-expression.js';

function mistakeOf(parse: () => unknown): ExpressionMistake {
  try {
    parse();
  } catch (error) {
    if (error instanceof ExpressionMistake) return error;
    throw error;
  }
  throw new Error('no mistake was found');
}

describe('the expression language', () => {
  test('a path names segment, field, repetition, component and subcomponent', () => {
    expect(parseValue('PID-3[type=MR].4.2')).toMatchObject({
      kind: 'path',
      name: 'PID',
      field: 3,
      filter: { kind: 'equals', component: 'type', value: 'MR', negated: false },
      component: 4,
      subcomponent: 2,
    });
    expect(parseValue('order.OBR-7')).toMatchObject({ kind: 'path', scope: 'order', name: 'OBR', field: 7 });
    expect(parseValue('XCN.9.2')).toMatchObject({
      kind: 'path',
      name: 'XCN',
      field: 0,
      component: 9,
      subcomponent: 2,
    });
    expect(parseValue('OBX-5[2]')).toMatchObject({ filter: { kind: 'index', index: 2 } });
  });

  test('?? binds less than | and as', () => {
    const value = parseValue("OBX-5 | quantity(OBX-6) as Quantity ?? OBX-5 | join(', ')");
    expect(value).toMatchObject({
      kind: 'first',
      options: [
        { kind: 'as', type: 'Quantity', input: { kind: 'call', name: 'quantity' } },
        { kind: 'call', name: 'join' },
      ],
    });
  });

  test('conditions compare, test presence and count', () => {
    expect(parseCondition('OBX-11 in [X, N] and OBX-5 not valued or count(OBX-5) > 1')).toMatchObject({
      kind: 'or',
      parts: [
        { kind: 'and', parts: [{ kind: 'equals' }, { kind: 'not', part: { kind: 'valued' } }] },
        { kind: 'count', operator: '>' },
      ],
    });
    expect(parseCondition("(PV1-2 == 'P' or PV1-2 == 'I') and not patient valued")).toMatchObject({
      kind: 'and',
    });
  });

  test.each([
    ['PID-', 3, 'no meaning'],
    ["'open", 0, 'no meaning'],
    ['PID-5 |', 7, 'a function'],
    ['PID-5 ?? ', 9, 'missing'],
    ['PID-5 PID-6', 6, 'not expected'],
    ['PID-3[!].1', 0, 'selects no repetition'],
    ['join(PID-5', 10, 'expected'],
  ])('%p is a mistake at character %i', (text, offset, message) => {
    const mistake = mistakeOf(() => parseValue(text));
    expect(mistake.offset).toBe(offset);
    expect(mistake.message).toContain(message);
  });

  test('any text either parses or is a mistake with a place, never anything else', () => {
    const piece = fc.constantFrom(
      'PID-5',
      '.1',
      '|',
      '??',
      '(',
      ')',
      '[',
      ']',
      "'",
      'as',
      'in',
      'not',
      'valued',
      ',',
      'x',
      '==',
      ' ',
      '1',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join('');
        for (const parse of [parseValue, parseCondition]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionMistake);
            expect((error as ExpressionMistake).offset).toBeLessThanOrEqual(text.length);
          }
        }
      }),
    );
  });
});

import { assert } from '#kernel';
import type { Condition, PathExpression, ValueExpression } from '../language/expression.js';

/** What a path leads to in a source. */
export interface PathValues<S> {
  /** The texts of all values; values without a text are left out. */
  readonly texts: (source: S) => readonly string[];
  /** How many values there are. */
  readonly count: (source: S) => number;
}

type Test<S> = (source: S) => boolean;
type ReaderOf<S> = (path: PathExpression) => PathValues<S>;

/** Compiles a settled condition: its values are paths and literals. */
export function testOf<S>(condition: Condition, readerOf: ReaderOf<S>): Test<S> {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const parts = condition.parts.map((part) => testOf(part, readerOf));
      return condition.kind === 'and'
        ? (source) => parts.every((part) => part(source))
        : (source) => parts.some((part) => part(source));
    }
    case 'not': {
      const part = testOf(condition.part, readerOf);
      return (source) => !part(source);
    }
    case 'valued': {
      const { count } = valuesOf(condition.value, readerOf);
      return (source) => count(source) > 0;
    }
    case 'equals': {
      const left = valuesOf(condition.left, readerOf);
      const right = condition.right.map((value) => valuesOf(value, readerOf));
      return (source) => {
        const words = new Set(right.flatMap(({ texts }) => texts(source)));
        return left.texts(source).some((text) => words.has(text));
      };
    }
    case 'switch':
      return condition.isOn;
    case 'count': {
      const { operator, number } = condition;
      const { count } = readerOf(condition.path);
      return (source) => compare(count(source), operator, number);
    }
  }
}

function compare(count: number, operator: '==' | '>' | '<', number: number): boolean {
  if (operator === '==') return count === number;
  return operator === '>' ? count > number : count < number;
}

function valuesOf<S>(value: ValueExpression, readerOf: ReaderOf<S>): PathValues<S> {
  if (value.kind === 'literal') {
    const texts = [value.text];
    return { texts: () => texts, count: () => 1 };
  }
  assert(value.kind === 'path', 'CONDITION_UNSETTLED');
  return readerOf(value);
}

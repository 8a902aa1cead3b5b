import { describe, expect, test } from '@jest/globals';
import { EngineError } from '#kernel';
import { describeError } from './log.js';

describe('errors in the log', () => {
  test('the text of a foreign error, which may quote content, is never told', () => {
    const foreign = new SyntaxError('Unexpected token in "Nováková\nat the door"');
    const text = JSON.stringify(
      describeError(new EngineError('bug', 'WRAPPED', 'reading it', { cause: foreign })),
    );
    expect(text).toContain('WRAPPED');
    expect(text).toContain('SyntaxError');
    expect(text).not.toContain('Nováková');
  });

  test('causes that form a circle end', () => {
    const error = new Error('a');
    error.cause = error;
    expect(describeError(error).cause?.cause?.cause?.cause?.cause).toBeUndefined();
  });
});

import type { CdaDocument } from '#cda';
import type { Message } from '#hl7v2';
import { ExpressionMistake } from '../language/expression-mistake.js';
import { parseCondition } from '../language/parse-expression.js';
import { isDocument, type Source } from '../source.js';
import { type ChannelTakes, settlePaths } from './condition-kind.js';
import { columnReader, documentReader, messageReader } from './condition-paths.js';
import { testOf } from './condition-test.js';

/** A condition of a channel ready to ask, or what is wrong with it. */
export type ChannelCondition =
  | { readonly holds: (source: Source) => boolean; readonly problem?: never }
  | { readonly holds?: never; readonly problem: { readonly message: string; readonly remedy: string } };

/**
 * Compiles a condition of a channel file, in the expression language of mappings, and checks it against what the channel
 * takes. Its paths say of what it speaks, and of all else it does not hold: `MSH-11.1 == 'T'` of messages (every segment of that
 * name, the first repetition of its field), `confidentialityCode == 'V'` of documents (from `ClinicalDocument`),
 * `status == 'X'` of rows that have such a column (the cells of all rows of a message). A comparison holds when one of the
 * values fits. Paths, literals, `==  !=  in  valued  count  and  or  not`. Never throws for what is written.
 */
export function compileChannelCondition(text: string, takes: ChannelTakes): ChannelCondition {
  try {
    const { kind, condition, columns } = settlePaths(parseCondition(text), takes);
    switch (kind) {
      case 'messages': {
        const test = testOf(condition, messageReader);
        return { holds: (source) => isMessage(source) && test(source) };
      }
      case 'documents': {
        const test = testOf<CdaDocument>(condition, documentReader);
        return { holds: (source) => isDocument(source) && test(source) };
      }
      case 'rows': {
        const test = testOf(condition, columnReader);
        return { holds: (source) => hasColumns(source, columns) && test(source) };
      }
    }
  } catch (error) {
    if (!(error instanceof ExpressionMistake)) throw error;
    const message = `the condition is not understood: ${error.message}, at character ${error.offset + 1}`;
    return { problem: { message, remedy: error.remedy } };
  }
}

function isMessage(source: Source): source is Message {
  return !isDocument(source) && source.columnNames === undefined;
}

function hasColumns(source: Source, columns: ReadonlySet<string>): source is Message {
  if (isDocument(source)) return false;
  const { columnNames } = source;
  return columnNames !== undefined && [...columns].every((name) => columnNames.includes(name));
}

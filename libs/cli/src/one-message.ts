import type { Database } from '#database';
import { EngineError, type Position } from '#kernel';
import { findMessages } from './find-messages.js';
import { messageLines } from './message-facts.js';
import { messageRows } from './message-facts-text.js';
import type { Terminal } from './terminal.js';

const MAX_CHOICES = 10;

/**
 * The one message that an id means. Throws `rejected` MESSAGE_UNKNOWN or, after listing the candidates, MESSAGE_AMBIGUOUS.
 */
export async function onlyMessage(database: Database, id: string, terminal: Terminal): Promise<Position> {
  const found = await findMessages(database, id, MAX_CHOICES);
  const [only] = found;
  if (only === undefined)
    throw new EngineError('rejected', 'MESSAGE_UNKNOWN', `no message is known under '${id}'`);
  if (found.length === 1) return only.position;
  const lines = await messageLines(
    database,
    found.map((one) => one.position),
  );
  for (const row of messageRows(lines.slice(0, MAX_CHOICES), terminal)) terminal.note(row);
  throw new EngineError(
    'rejected',
    'MESSAGE_AMBIGUOUS',
    `several messages match '${id}'; give the position of one`,
  );
}

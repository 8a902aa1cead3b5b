import type { Database } from '#database';
import { type Journal, journalKind, readMessage } from '#journal';
import { assert, EngineError, formatPosition, type Position, type Random } from '#kernel';

/**
 * Runs a message again from the journal under the mapping of now: a new entry that refers to the old one, never an edit. Its
 * dead letter, if it has one, is marked as replayed. `rejected` REPLAY_MESSAGE_UNKNOWN when there is no such message.
 */
export async function replayMessage(
  database: Database,
  journal: Journal,
  random: Random,
  position: Position,
  nowMs: number,
): Promise<Position> {
  const found = await readMessage(database, position);
  if (found === undefined || found.kind === journalKind.twin) {
    const name = formatPosition(position);
    throw new EngineError(
      'rejected',
      'REPLAY_MESSAGE_UNKNOWN',
      `there is no message at journal position ${name}`,
    );
  }
  const refers = found.kind === journalKind.replay && found.refers ? found.refers : position;
  const appended = await journal.append({
    kind: journalKind.replay,
    channel: found.channel,
    receivedAtMs: nowMs,
    partition: position.partition,
    key: random.bytes(16),
    refers,
    raw: Buffer.alloc(0),
  });
  assert(appended.position !== undefined, 'REPLAY_NOT_PLACED');
  await database.query(
    'UPDATE dead_letter SET replayed_as = $4 WHERE lane = $1 AND partition = $2 AND seq = $3',
    [position.lane, position.partition, position.seq, formatPosition(appended.position)],
  );
  return appended.position;
}

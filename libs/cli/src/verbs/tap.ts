import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '#database';
import { JournalTrace } from '#journal';
import { isEngineError, type Position, parsePosition } from '#kernel';
import { type MessageLine, messageLines } from '../message-facts.js';
import { tapRow } from '../message-facts-text.js';
import { withDatabase } from '../open-database.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

const POLL_MS = 250;
/** A message is shown once its fate is known, or after this long as waiting. */
const SHOW_WAITING_AFTER_MS = 2_000;
const PAGE = 200;
/** Messages that wait to be shown; beyond it the oldest are shown as they are. */
const MAX_HELD = 1_000;

export const tap: Verb = {
  usage: '',
  about: [
    'Follows the messages of a running engine as they arrive, until Ctrl-C: position, time, channel, type and what became',
    'of each. Only the envelope, never content; the control id is left out too.',
  ],
  options: {
    channel: { type: 'string', short: 'c', value: '<name>', about: 'only this channel' },
    count: { type: 'string', short: 'n', value: '<count>', about: 'end after so many messages' },
    last: { type: 'string', value: '<count>', about: 'begin with the last so many messages' },
  },
  exits: { ok: 'it was ended by Ctrl-C or --count' },
  examples: ['tap', 'tap --channel laboratory', 'tap --count 1 --json'],
  run: async (call) => {
    call.arguments.noWords();
    return withDatabase(call.settings, (database) => follow(call, database));
  },
};

async function follow(call: Call, database: Database): Promise<ExitCode> {
  const { terminal } = call;
  const journal = new JournalTrace(database);
  const heads = new HeadTracker(await journal.heads());
  const wanted = call.arguments.count('count', 1, 1_000_000) ?? Number.POSITIVE_INFINITY;
  const last = call.arguments.count('last', 1, MAX_HELD);
  let held = new Map<string, number>();
  if (last !== undefined) for (const position of await journal.latest(last)) held.set(keyOf(position), 0);
  let shown = 0;
  let away = false;
  if (!call.json) terminal.note('following; end with Ctrl-C');
  while (!terminal.stop.aborted && shown < wanted) {
    try {
      const fresh = await journal.after(heads.positions(), PAGE);
      heads.move(fresh);
      for (const position of fresh) held.set(keyOf(position), Date.now());
      const ready = await decided(database, held);
      for (const line of ready) {
        held.delete(line.position);
        if (shown < wanted && isWanted(call, line)) {
          show(call, line);
          shown++;
        }
      }
      if (held.size > MAX_HELD) held = new Map([...held].map(([key]) => [key, 0]));
      away = false;
      if (fresh.length === PAGE) continue;
    } catch (error) {
      // The engine may be restarted while somebody watches; positions are kept, so nothing is missed.
      if (!isEngineError(error, 'unavailable')) throw error;
      if (!away) terminal.note(`${error.message}; waiting for it`);
      away = true;
    }
    await pause(POLL_MS, undefined, { signal: terminal.stop }).catch(() => {}); // Ctrl-C ends the pause
  }
  return exitCode.ok;
}

/** How far each (lane, partition) has been shown. */
class HeadTracker {
  private readonly seen = new Map<string, Position>();

  constructor(heads: readonly Position[]) {
    this.move(heads);
  }

  move(positions: readonly Position[]): void {
    for (const position of positions) this.seen.set(`${position.lane}-${position.partition}`, position);
  }

  positions(): Position[] {
    return [...this.seen.values()];
  }
}

function keyOf({ lane, partition, seq }: Position): string {
  return `${lane}-${partition}-${seq}`;
}

/** Those of `held` whose fate is known or that have waited long enough, oldest first. */
async function decided(database: Database, held: ReadonlyMap<string, number>): Promise<MessageLine[]> {
  if (held.size === 0) return [];
  const positions = [...held.keys()].flatMap((key) => parsePosition(key) ?? []);
  const lines = await messageLines(database, positions);
  const nowMs = Date.now();
  return lines
    .filter(
      (line) => line.state !== 'waiting' || nowMs - (held.get(line.position) ?? 0) > SHOW_WAITING_AFTER_MS,
    )
    .reverse();
}

function isWanted(call: Call, line: MessageLine): boolean {
  const channel = call.arguments.text('channel');
  return channel === undefined || line.channel === channel;
}

function show({ terminal, json }: Call, line: MessageLine): void {
  const { controlId: _, receivedAtMs: __, ...envelope } = line;
  if (json) terminal.out(JSON.stringify(envelope));
  else terminal.out(tapRow(line, terminal));
}

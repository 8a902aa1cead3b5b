import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '#database';
import { Journal } from '#journal';
import { formatPosition, isEngineError, type Position, parsePosition, systemRandom } from '#kernel';
import { replayMessage } from '#pipeline';
import { messageState, StoreTrace } from '#store';
import { UsageError } from '../arguments.js';
import { withDatabase } from '../open-database.js';
import { counted } from '../time-text.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

/** Dead letters read at one time. */
const PAGE = 500;
const DEFAULT_WAIT_MS = 10_000;
const POLL_MS = 100;

export const replay: Verb = {
  usage: '<position>... | --dead',
  about: [
    'Runs messages again from the journal, under the channel files and mappings of now. Nothing is edited: each gets a',
    'new position, its own deliveries and its own ledger entry. --dead takes every dead letter that has not been run',
    'again yet. Then waits a little for the engine to say what became of them.',
  ],
  options: {
    dead: { type: 'boolean', about: 'all dead letters not yet run again' },
    channel: {
      type: 'string',
      short: 'c',
      value: '<name>',
      about: 'with --dead: only those of this channel',
    },
    'dry-run': { type: 'boolean', about: 'only show which ones' },
    wait: { type: 'string', value: '<time>', about: 'for the outcome; default 10s, 0s does not wait' },
  },
  exits: {
    ok: 'all were run again, and none of them is dead (or there was none)',
    no: 'a message does not exist, or is dead again, or its outcome did not come within --wait',
  },
  examples: ['replay 0-17-42', 'replay --dead --channel laboratory --dry-run', 'replay --dead'],
  run: async (call) => {
    const positions = call.arguments.words.map(positionOf);
    if (call.arguments.has('dead') === positions.length > 0)
      throw new UsageError(
        positions.length > 0 ? 'positions or --dead, not both' : 'a position or --dead is missing',
      );
    if (call.arguments.text('channel') !== undefined && positions.length > 0)
      throw new UsageError('--channel goes with --dead');
    return withDatabase(call.settings, (database) => run(call, database, positions));
  },
};

function positionOf(word: string): Position {
  const position = parsePosition(word);
  if (position !== undefined) return position;
  throw new UsageError(
    `'${word}' is no journal position (lane-partition-seq); find it with suture trace ${word}`,
  );
}

interface Replayed {
  readonly from: Position;
  readonly to: Position;
}

async function run(call: Call, database: Database, typed: readonly Position[]): Promise<ExitCode> {
  const { terminal, json } = call;
  const isDryRun = call.arguments.has('dry-run');
  const source = call.arguments.has('dead') ? deadLetters(call, database) : typed;
  const replayed: Replayed[] = [];
  let missing = 0;
  const journal = isDryRun ? undefined : await Journal.open(database);
  try {
    for await (const from of source) {
      if (terminal.stop.aborted) break;
      if (journal === undefined) {
        replayed.push({ from, to: from });
        continue;
      }
      terminal.progress(`running again: ${replayed.length}`);
      const to = await replayMessage(database, journal, systemRandom, from, Date.now()).catch(
        (error: unknown) => {
          if (!isEngineError(error, 'rejected')) throw error;
          terminal.note(`${formatPosition(from)}  ${error.message}`);
        },
      );
      if (to === undefined) missing++;
      else replayed.push({ from, to });
    }
  } finally {
    await journal?.close();
  }
  if (isDryRun) return dryRun(call, replayed);
  const fates = await awaitOutcomes(call, database, replayed);
  const dead = [...fates.values()].filter((fate) => fate === 'dead').length;
  const waiting = replayed.length - fates.size;
  if (json) {
    const messages = replayed.map(({ from, to }) => ({
      from: formatPosition(from),
      to: formatPosition(to),
      state: fates.get(formatPosition(to)) ?? 'waiting',
    }));
    terminal.out(JSON.stringify({ messages, missing, dead, waiting }));
  } else tell(call, replayed, fates, { dead, waiting });
  return missing + dead + waiting === 0 || call.arguments.durationMs('wait') === 0
    ? okUnless(missing)
    : exitCode.no;
}

function okUnless(missing: number): ExitCode {
  return missing > 0 ? exitCode.no : exitCode.ok;
}

async function* deadLetters(call: Call, database: Database): AsyncGenerator<Position> {
  const store = new StoreTrace(database);
  const channel = call.arguments.text('channel');
  // A message that dies again is a new dead letter; only those that were there at the start are meant.
  const startedMs = Date.now();
  let after: Awaited<ReturnType<StoreTrace['deadLetters']>>[number] | undefined;
  for (;;) {
    const page = await store.deadLetters(channel, after, PAGE);
    for (const letter of page) if (letter.atMs <= startedMs) yield letter.position;
    after = page.at(-1);
    if (after === undefined || page.length < PAGE || after.atMs > startedMs) return;
  }
}

function dryRun({ terminal, json }: Call, replayed: readonly Replayed[]): ExitCode {
  const positions = replayed.map(({ from }) => formatPosition(from));
  if (json) terminal.out(JSON.stringify({ would: positions }));
  else {
    for (const position of positions) terminal.out(position);
    terminal.out(`${counted(positions.length, 'message')} would be run again`);
  }
  return exitCode.ok;
}

type Fate = 'transformed' | 'filtered' | 'dead';

/** What became of the replays, as far as the engine gets to them in time. */
async function awaitOutcomes(
  call: Call,
  database: Database,
  replayed: readonly Replayed[],
): Promise<Map<string, Fate>> {
  const fates = new Map<string, Fate>();
  const store = new StoreTrace(database);
  const deadlineMs = Date.now() + (call.arguments.durationMs('wait') ?? DEFAULT_WAIT_MS);
  let open = replayed.map(({ to }) => to);
  while (open.length > 0) {
    for (const { position, state } of await store.outcomes(open.slice(0, PAGE)))
      fates.set(
        formatPosition(position),
        state === messageState.dead ? 'dead' : state === messageState.filtered ? 'filtered' : 'transformed',
      );
    open = open.filter((position) => !fates.has(formatPosition(position)));
    if (open.length === 0 || Date.now() >= deadlineMs || call.terminal.stop.aborted) break;
    call.terminal.progress(`waiting for the engine: ${counted(open.length, 'message')} to go`);
    await pause(POLL_MS);
  }
  return fates;
}

function tell(
  { terminal }: Call,
  replayed: readonly Replayed[],
  fates: ReadonlyMap<string, Fate>,
  { dead, waiting }: { dead: number; waiting: number },
): void {
  for (const { from, to } of replayed) {
    const fate = fates.get(formatPosition(to)) ?? 'waiting';
    const colour = fate === 'transformed' ? 'good' : fate === 'dead' ? 'bad' : 'doubtful';
    terminal.out(`${formatPosition(from)} -> ${formatPosition(to)}  ${terminal.paint(colour, fate)}`);
  }
  const counts = [dead > 0 ? `${dead} dead again` : '', waiting > 0 ? `${waiting} still waiting` : ''].filter(
    Boolean,
  );
  terminal.out(
    replayed.length === 0
      ? 'nothing to run again'
      : `${counted(replayed.length, 'message')} run again${counts.length > 0 ? `; ${counts.join(', ')}` : ''}`,
  );
  if (dead > 0) terminal.note('Why: suture trace <the new position>');
  if (waiting > 0)
    terminal.note('They are in the journal and will run as soon as an engine is there to transform them.');
}

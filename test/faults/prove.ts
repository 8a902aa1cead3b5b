import { type FuzzResult, fuzzParsers } from '../fuzz/fuzz-parsers.js';
import { readWords } from '../load/read-words.js';
import { type FlappingResult, flappingSubscriber } from './flapping-subscriber.js';
import { killLoop } from './kill-loop.js';
import { RedisProcess } from './victims.js';

type KillResult = Awaited<ReturnType<typeof killLoop>>;

const DEFAULT_KILLS = 60;
const DEFAULT_INPUTS = 2_000_000;
const DEFAULT_EVENTS = 10_000;

const USAGE = `npm run prove [-- --kills <n>] [--inputs <n>] [--events <n>] [--seed <n>] [--show-log] [--json]

Kills every part of the distributed engine at random moments under load, and then checks that nothing acknowledged was
lost, doubled or reordered; tells a FHIR subscriber that comes and goes of events while the engine is killed; then feeds damaged input to the parsers of HL7 v2, CDA and CSV. Needs redis-server. Exit code
0: every claim held; 1: one did not.

  --kills <n>  how many kills; default ${DEFAULT_KILLS}; 0: none
  --inputs <n> how many inputs for the parsers; default ${DEFAULT_INPUTS}; 0: none
  --events <n> how many events of a FHIR subscription; default ${DEFAULT_EVENTS}; 0: none
  --seed <n>   repeats a run
  --show-log   shows what the parts say
  --json       the result as JSON`;

/** `npm run prove`: claim, test, result, seed. Answers the exit code: 0 when every claim held. */
export async function prove(argv: readonly string[]): Promise<number> {
  const words = readWords(argv, USAGE, {
    seed: { type: 'string' },
    kills: { type: 'string' },
    inputs: { type: 'string' },
    events: { type: 'string' },
    json: { type: 'boolean' },
    'show-log': { type: 'boolean' },
  });
  if (!words.good) return words.exitCode;
  const { values } = words;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const kills = Number(values.kills ?? DEFAULT_KILLS);
  if (kills > 0 && !RedisProcess.isInstalled()) {
    say(
      'the kill loop needs a real Redis: install redis-server (Debian: apt-get install redis-server), then run again',
    );
    return 3;
  }
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const events = Number(values.events ?? DEFAULT_EVENTS);
  const inputs = Number(values.inputs ?? DEFAULT_INPUTS);
  const showLog = values['show-log'] ?? false;
  if (kills > 0) say(`kill loop: ${kills} kills, seed ${seed}`);
  const killed = kills > 0 ? await killLoop({ seed, kills, showLog, say }) : undefined;
  if (events > 0) say(`flapping subscriber: ${events} events, seed ${seed}`);
  const flapped = events > 0 ? await flappingSubscriber({ seed, events, showLog, say }) : undefined;
  if (inputs > 0) say(`fuzz: ${inputs} inputs, seed ${seed}`);
  const fuzzed = inputs > 0 ? await fuzzParsers(inputs, seed, say) : [];
  const claims = [...(killed ? killClaims(killed) : []), ...eventClaims(flapped), ...fuzzed.map(fuzzClaim)];
  const held = claims.every(({ breaches }) => breaches === 0);
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, ...killed, flapped, fuzzed, held })}\n`);
  else {
    if (killed) printLoop(killed);
    if (flapped) printFlapping(flapped);
    for (const { claim, test, breaches } of claims) {
      const verdict = breaches === 0 ? 'held' : `BROKEN ${breaches} times`;
      process.stdout.write(`${claim.padEnd(60)} ${test.padEnd(9)}   ${verdict}   seed ${seed}\n`);
    }
    for (const role of killed?.gaveUp ?? []) process.stdout.write(`  ${role}\n`);
    for (const breach of [
      killed?.breaches ?? [],
      flapped?.breaches ?? [],
      ...fuzzed.map((one) => one.breaches),
    ].flat())
      process.stdout.write(`  ${breach}\n`);
  }
  return held ? 0 : 1;
}

interface Claim {
  readonly claim: string;
  readonly test: string;
  readonly breaches: number;
}

function killClaims({ breaches, refused }: KillResult): Claim[] {
  const rows: (readonly [string, number])[] = [
    ['no acknowledged message is lost', count(breaches, 'lost', 'not delivered', 'no outcome')],
    ['no message is stored twice', count(breaches, 'stored twice')],
    ['messages of a patient arrive in order', count(breaches, 'reordered', 'out of order')],
    ['a receiver sees a message under one number only', count(breaches, 'number reused', 'delivered twice')],
    ['nothing is refused for load or trouble', refused],
    ['the ledger only grows, and each head proves the one before', count(breaches, ...CHECKPOINT)],
    ['what is stored is what was ledgered', count(breaches, 'audit')],
  ];
  return rows.map(([claim, broken]) => ({ claim, test: 'kill loop', breaches: broken }));
}

function eventClaims(flapped: FlappingResult | undefined): Claim[] {
  if (flapped === undefined) return [];
  const { breaches } = flapped;
  const rows: (readonly [string, number])[] = [
    [
      'a subscriber is told events 1 to n in order, each',
      count(breaches, 'event gap', 'event order', 'event lost'),
    ],
    [
      'an event number means one event',
      count(breaches, 'event number reused', 'event told twice', 'event invented'),
    ],
  ];
  return rows.map(([claim, broken]) => ({ claim, test: 'flapping', breaches: broken }));
}

function printFlapping({ events, kills, notifications, repeated, seconds }: FlappingResult): void {
  process.stdout.write(
    `${events} events told in ${notifications} notifications, ${repeated} of them again under the same number; the engine ` +
      `was killed ${kills} times in ${seconds.toFixed(0)} s\n\n`,
  );
}

function fuzzClaim({ parser, inputs, breaches }: FuzzResult): Claim {
  return {
    claim: `${parser}: ${inputs} inputs are read or refused`,
    test: 'fuzz',
    breaches: breaches.length,
  };
}

const CHECKPOINT = ['checkpoint unsigned', 'checkpoint shrank', 'checkpoint forked'];

function count(breaches: readonly string[], ...kinds: string[]): number {
  return breaches.filter((breach) => kinds.some((kind) => breach.startsWith(`${kind}:`))).length;
}

function printLoop(result: KillResult): void {
  const kills = Object.entries(result.kills).map(([name, times]) => `${name} ${times}`);
  process.stdout.write(
    `killed: ${kills.join(', ')} in ${result.seconds.toFixed(0)} s\n` +
      `acknowledged ${result.acknowledged}, delivered ${result.delivered}, sent again by senders ${result.resent}, ` +
      `repeated to the receiver under the same number ${result.repeated}\n` +
      `checkpoints seen ${result.checkpoints}, messages hashed again ${result.audited}, roles that gave up by themselves ` +
      `and were started again ${result.gaveUp.length}\n\n`,
  );
}

import { readWords } from '../load/read-words.js';
import { killLoop } from './kill-loop.js';
import { RedisProcess } from './victims.js';

const DEFAULT_KILLS = 60;

const USAGE = `npm run prove [-- --kills <n>] [--seed <n>] [--show-log] [--json]

Kills every part of the distributed engine at random moments under load, and then checks that nothing acknowledged was
lost, doubled or reordered. Needs redis-server. Exit code 0: every claim held; 1: one did not.

  --kills <n>  how many kills; default ${DEFAULT_KILLS}
  --seed <n>   repeats a run
  --show-log   shows what the parts say
  --json       the result as JSON`;

/** `npm run prove`: claim, test, result, seed. Answers the exit code: 0 when every claim held. */
export async function prove(argv: readonly string[]): Promise<number> {
  const words = readWords(argv, USAGE, {
    seed: { type: 'string' },
    kills: { type: 'string' },
    json: { type: 'boolean' },
    'show-log': { type: 'boolean' },
  });
  if (!words.good) return words.exitCode;
  const { values } = words;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  if (!RedisProcess.isInstalled()) {
    say(
      'the kill loop needs a real Redis: install redis-server (Debian: apt-get install redis-server), then run again',
    );
    return 3;
  }
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const kills = Number(values.kills ?? DEFAULT_KILLS);
  say(`kill loop: ${kills} kills, seed ${seed}`);
  const result = await killLoop({ seed, kills, showLog: values['show-log'] ?? false, say });
  const rows = [
    ['no acknowledged message is lost', count(result.breaches, 'lost', 'not delivered', 'no outcome')],
    ['no message is stored twice', count(result.breaches, 'stored twice')],
    ['messages of a patient arrive in order', count(result.breaches, 'reordered', 'out of order')],
    [
      'a receiver sees a message under one number only',
      count(result.breaches, 'number reused', 'delivered twice'),
    ],
    ['nothing is refused for load or trouble', result.refused],
    ['the ledger only grows, and each head proves the one before', count(result.breaches, ...CHECKPOINT)],
    ['what is stored is what was ledgered', count(result.breaches, 'audit')],
  ] as const;
  const held = rows.every(([, breaches]) => breaches === 0);
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, ...result, held })}\n`);
  else print(rows, result, seed);
  return held ? 0 : 1;
}

const CHECKPOINT = ['checkpoint unsigned', 'checkpoint shrank', 'checkpoint forked'];

function count(breaches: readonly string[], ...kinds: string[]): number {
  return breaches.filter((breach) => kinds.some((kind) => breach.startsWith(`${kind}:`))).length;
}

function print(
  rows: readonly (readonly [string, number])[],
  result: Awaited<ReturnType<typeof killLoop>>,
  seed: number,
): void {
  const kills = Object.entries(result.kills).map(([name, times]) => `${name} ${times}`);
  process.stdout.write(
    `killed: ${kills.join(', ')} in ${result.seconds.toFixed(0)} s\n` +
      `acknowledged ${result.acknowledged}, delivered ${result.delivered}, sent again by senders ${result.resent}, ` +
      `repeated to the receiver under the same number ${result.repeated}\n` +
      `checkpoints seen ${result.checkpoints}, messages hashed again ${result.audited}, roles that gave up by themselves ` +
      `and were started again ${result.gaveUp.length}\n\n`,
  );
  for (const [claim, breaches] of rows) {
    const verdict = breaches === 0 ? 'held' : `BROKEN ${breaches} times`;
    process.stdout.write(`${claim.padEnd(60)} kill loop   ${verdict}   seed ${seed}\n`);
  }
  for (const words of result.gaveUp) process.stdout.write(`  ${words}\n`);
  for (const breach of result.breaches) process.stdout.write(`  ${breach}\n`);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { postmasterOf } from './postmaster.js';

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'suture-start-'));
const channels = join(folder, 'channels');
mkdirSync(channels);
writeFileSync(
  join(channels, 'a.yaml'),
  `channel: hospital
source: { mllp: { listen: "127.0.0.1:0", accept: [ADT^A01] } }
transform: { mapping: hl7v2 }
`,
);
const admit = '\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|M1|P|2.5\rPID|1||42^^^H^MR\r\x1c\r';

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const runs: Run[] = [];

/** The compiled app, because signals and exit codes are what is tested; the test run builds it first. */
function start(environment: Record<string, string>): Run {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SUTURE_DATA_DIR: join(folder, 'data'),
    SUTURE_CHANNELS: channels,
    SUTURE_HTTP_PORT: '0',
    ...environment,
  };
  delete env['DATABASE_URL'];
  delete env['REDIS_URL'];
  const child = spawn(process.execPath, ['dist/apps/engine/src/main.js'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += String(chunk)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const run = { child, output: () => text, ended };
  runs.push(run);
  return run;
}

/** Resolves with what the first group of `pattern` matches in the output; rejects when the process ends first. */
async function told(run: Run, pattern: RegExp): Promise<string> {
  for (;;) {
    const found = pattern.exec(run.output())?.[1];
    if (found !== undefined) return found;
    const next = await Promise.race([
      once(run.child.stdout as NonNullable<typeof run.child.stdout>, 'data').then(() => 'more' as const),
      run.ended,
    ]);
    if (next !== 'more' && !pattern.test(run.output())) throw new Error(`it ended first:\n${run.output()}`);
  }
}

async function acknowledge(port: string, message: string): Promise<string> {
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(message);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1');
}

afterEach(() => {
  for (const { child } of runs.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the engine as a process', () => {
  test('it starts, acknowledges, tells its health, drains on SIGTERM, and starts again after kill -9', async () => {
    const first = start({});
    const port = await told(first, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    const http = await told(first, /(http:\/\/127\.0\.0\.1:\d+)/);
    await told(first, /(Send a sample)/);
    expect(await acknowledge(port, admit)).toContain('MSA|AA|M1');
    expect(await (await fetch(`${http}/ready`)).json()).toMatchObject({ status: 'ready' });
    expect((await fetch(`${http}/health`)).status).toBe(200);
    const figures = await (await fetch(`${http}/metrics`)).text();
    for (const figure of [
      'suture_mllp{channel="hospital"',
      'suture_messages_transformed_total',
      'process_cpu',
      '\nsuture_acknowledgment_notes_dropped 0\n',
    ])
      expect(figures).toContain(figure);
    // One answer for all threads, which Prometheus takes only when each name is described once.
    const names = [...figures.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(postmasterOf(join(folder, 'data', 'postgres'))).toBeUndefined();

    const second = start({});
    await told(second, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    second.child.kill('SIGKILL');
    await second.ended;
    const third = start({});
    const again = await told(third, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    expect(await acknowledge(again, admit)).toContain('MSA|AA|M1');
    third.child.kill('SIGINT');
    expect(await third.ended).toBe(0);
  });

  test.each([
    { thread: 1, role: 'ingest' },
    { thread: 2, role: 'deliver' },
  ])(
    'when the thread of $role dies the engine drains and ends with code 1, and the next start goes on',
    async ({ thread, role }) => {
      const order = join(folder, 'die');
      const helper = pathToFileURL(resolve('test/faults/dying-thread.mjs')).href;
      const first = start({ NODE_OPTIONS: `--import ${helper}`, SUTURE_TEST_THREAD_DIES: order });
      const port = await told(first, /mllp:\/\/127\.0\.0\.1:(\d+)/);
      await told(first, /(Send a sample)/);
      expect(await acknowledge(port, admit)).toContain('MSA|AA|M1');
      writeFileSync(order, String(thread));
      expect(await first.ended).toBe(1);
      expect(first.output()).toContain('an error that nobody caught; the thread ends');
      expect(first.output()).toContain(`the thread of the role ${role} ended`);
      expect(first.output()).toContain('THREAD_LOST');
      expect(postmasterOf(join(folder, 'data', 'postgres'))).toBeUndefined();

      const second = start({});
      const again = await told(second, /mllp:\/\/127\.0\.0\.1:(\d+)/);
      expect(await acknowledge(again, admit)).toContain('MSA|AA|M1');
      second.child.kill('SIGTERM');
      expect(await second.ended).toBe(0);
    },
  );

  test('a message that was taken before SIGTERM is acknowledged before its thread ends', async () => {
    const run = start({});
    const port = await told(run, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    await told(run, /(Send a sample)/);
    const socket = connect(Number(port), '127.0.0.1');
    const heard: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    const sent = 50;
    for (let n = 0; n < sent; n++) socket.write(admit.replace('|M1|', `|D${n}|`));
    await once(socket, 'data');
    run.child.kill('SIGTERM');
    await once(socket, 'close');
    expect(await run.ended).toBe(0);
    expect(
      Buffer.concat(heard)
        .toString('latin1')
        .match(/MSA\|AA\|D\d+\r/g)?.length,
    ).toBeGreaterThan(0);
    expect(run.output()).not.toContain('did not stop in order');
  });

  test('a second engine on the same data directory, and wrong settings, end with a sentence and code 2', async () => {
    const first = start({});
    await told(first, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    const second = start({});
    expect(await second.ended).toBe(2);
    expect(second.output()).toContain('another engine');
    const wrong = start({ SUTURE_HTTP_PORT: 'eighty' });
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toContain('SUTURE_HTTP_PORT');
    const httpPort = new URL(await told(first, /(http:\/\/127\.0\.0\.1:\d+)/)).port;
    const other = { SUTURE_DATA_DIR: join(folder, 'other') };
    const taken = start({ ...other, SUTURE_HTTP_PORT: httpPort });
    expect(await taken.ended).toBe(2);
    expect(taken.output()).toMatch(/\(EADDRINUSE\)\. Stop what listens there.*SUTURE_HTTP_PORT/);
    const mllpPort = await told(first, /mllp:\/\/127\.0\.0\.1:(\d+)/);
    const same = join(folder, 'same');
    mkdirSync(same);
    writeFileSync(
      join(same, 'a.yaml'),
      `channel: hospital\nsource: { mllp: { listen: "127.0.0.1:${mllpPort}", accept: [ADT^A01] } }\ntransform: { mapping: hl7v2 }\n`,
    );
    const deaf = start({ ...other, SUTURE_CHANNELS: same });
    expect(await deaf.ended).toBe(2);
    expect(deaf.output()).toMatch(/\(EADDRINUSE\)[^]*listen: in its channel file.*SUTURE_MLLP_PORT/);
    first.child.kill('SIGTERM');
    await first.ended;
  });

  test('a channel file with a mistake is named with file, line and remedy, and the other channels run', async () => {
    const mixed = join(folder, 'mixed');
    mkdirSync(mixed);
    writeFileSync(
      join(mixed, 'bad.yaml'),
      'channel: bad\nsource:\n  mllp: { listen: nowhere, accept: [ADT^A01] }\n',
    );
    writeFileSync(
      join(mixed, 'good.yaml'),
      'channel: good\nsource: { mllp: { listen: "127.0.0.1:0", accept: [ADT^A01] } }\ntransform: { mapping: hl7v2 }\n',
    );
    const run = start({ SUTURE_CHANNELS: mixed });
    const port = await told(run, /good\s+mllp:\/\/127\.0\.0\.1:(\d+)/);
    await told(run, /(NOT RUNNING .*bad\.yaml:3:\d+ \w+: .*)/);
    expect(await acknowledge(port, admit)).toContain('MSA|AA|M1');
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });
});

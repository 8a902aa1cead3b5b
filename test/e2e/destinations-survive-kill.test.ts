import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { FrameCutter } from '#hl7v2';
import { PersistentSender } from '../faults/persistent-sender.js';
import { randomFromSeed } from '../faults/random-from-seed.js';
import { freePort } from '../load/engine-process.js';
import { Deployment, eventually, oneProcess } from './deployment.js';
import { resultTemplates } from './samples.js';
import { Workspace } from './workspace.js';

/** After so many messages have reached the receiver, each a moment in the middle of the work. */
const killsAfter = [70, 190];
const messagesOfEach = 120;
const patients = ['MRN-A', 'MRN-B', 'MRN-C'];
const seed = 17;

/**
 * An MLLP receiver on a bad day: now and then it hangs up instead of acknowledging, and now and then it is not there. It
 * keeps every message that reaches it, acknowledged or not.
 */
class FlappingReceiver {
  readonly heard: Buffer[] = [];
  private readonly random = randomFromSeed(seed);
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  constructor(private readonly port: number) {}

  async up(): Promise<void> {
    if (this.server !== undefined) return;
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      const cutter = new FrameCutter(1_000_000);
      socket.on('data', (chunk: Buffer) => {
        for (const event of cutter.push(chunk)) if (event.kind === 'frame') this.hear(socket, event.bytes);
      });
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
  }

  down(): void {
    this.server?.close();
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
  }

  private hear(socket: Socket, bytes: Buffer): void {
    this.heard.push(Buffer.from(bytes));
    const mood = this.random();
    if (mood < 0.01) {
      this.down();
      // As a receiver that is restarted.
      setTimeout(() => void this.up(), 200);
    } else if (mood < 0.05) socket.destroy();
    else {
      const ack = `MSH|^~\\&|R|R|S|S|20260101||ACK|R1|P|2.5.1\rMSA|AA|${idOf(bytes)}\r`;
      socket.write(`\x0b${ack}\x1c\r`);
    }
  }
}

const idOf = (raw: Buffer) => raw.toString('latin1').split('|')[9] ?? '';

let engine: Deployment | undefined;
const senders: PersistentSender[] = [];
let receiver: FlappingReceiver | undefined;
afterAll(async () => {
  for (const sender of senders) sender.close();
  receiver?.down();
  await engine?.close();
}, 90_000);

test('under kill -9, with a receiver that comes and goes, every message is forwarded over MLLP and into a folder, in order, byte for byte', async () => {
  const [port, receiverPort] = [await freePort(), await freePort()];
  receiver = new FlappingReceiver(receiverPort);
  await receiver.up();
  const workspace = await Workspace.create('http://127.0.0.1:9/');
  const folder = join(workspace.directory, 'out');
  mkdirSync(folder);
  const retry = 'retry: { first_after: 20ms, at_most_every: 200ms }';
  workspace.channel('forward', `{ mllp: { listen: "127.0.0.1:${port}", accept: [ORU^R01] } }`, {
    peer: `{ mllp: { address: "127.0.0.1:${receiverPort}", connections: 2, timeout: 5s }, ${retry} }`,
    files: `{ directory: { path: ${folder}, format: raw }, ${retry} }`,
  });
  engine = await Deployment.of(oneProcess, workspace);
  await engine.start();

  const { heard } = receiver;
  for (const patient of patients)
    senders.push(new PersistentSender(patient, port, resultTemplates, messagesOfEach));
  for (const sender of senders) sender.start();
  for (const count of killsAfter) {
    await eventually(`${count} messages are forwarded`, () => heard.length >= count || String(heard.length));
    await engine.kill();
    await engine.start();
  }
  await Promise.all(senders.map((sender) => sender.done()));

  const sent = senders.flatMap(({ log }) => [...log.sent]);
  expect(sent).toHaveLength(patients.length * messagesOfEach);
  const original = new Map<string, Buffer>();
  for (const { log } of senders) {
    for (const [index, id] of log.sent.entries()) {
      const template = resultTemplates[index % resultTemplates.length];
      original.set(id, template?.make(id, log.patient).subarray(1, -2) ?? Buffer.alloc(0));
    }
  }
  const files = () => readdirSync(folder).filter((name) => !name.startsWith('.'));
  await eventually('all are forwarded and in the folder', () => {
    const missing = sent.length - new Set(heard.map(idOf)).size;
    return (missing === 0 && files().length === sent.length) || `${missing}, ${files().length} files`;
  });

  for (const raw of heard) expect(raw.equals(original.get(idOf(raw)) ?? Buffer.alloc(0))).toBe(true);
  const inFiles = files()
    .sort()
    .map((name) => readFileSync(join(folder, name)));
  for (const raw of inFiles) expect(raw.equals(original.get(idOf(raw)) ?? Buffer.alloc(0))).toBe(true);
  for (const { log } of senders) {
    const own = (ids: readonly string[]) => ids.filter((id) => id.startsWith(`${log.patient}-`));
    // One that came twice is known by its control id.
    expect(own([...new Set(heard.map(idOf))])).toEqual([...log.sent]);
    expect(own(inFiles.map(idOf))).toEqual([...log.sent]);
  }
  // Numbers without gaps in each stream, and nothing in a name but stream and number.
  const last = new Map<string, number>();
  for (const name of files().sort()) {
    const [, stream = '', number = ''] = /^(forward\.files-\d\d)-(\d{12})\.hl7$/.exec(name) ?? [];
    expect(Number(number)).toBe((last.get(stream) ?? 0) + 1);
    last.set(stream, Number(number));
  }

  const health = await fetch(`${engine.httpUrl}/admin/destinations`, {
    headers: { authorization: `Bearer ${engine.accessToken}` },
  });
  await eventually('the operator sees that nothing waits', async () => {
    const answer = await fetch(health.url, { headers: { authorization: `Bearer ${engine?.accessToken}` } });
    const { destinations } = (await answer.json()) as { destinations: Record<string, unknown>[] };
    const ours = destinations.filter(({ destination }) => String(destination).startsWith('forward.'));
    return (
      (ours.length === 2 && ours.every(({ waiting, dead }) => waiting === 0 && dead === 0)) ||
      JSON.stringify(ours)
    );
  });
  const metrics = await (await fetch(`${engine.httpUrl}/metrics`)).text();
  expect(metrics).toContain('suture_destination_waiting{destination="forward.peer",kind="mllp"} 0');
  expect(metrics).toContain('suture_destination_dead{destination="forward.files",kind="directory"} 0');
}, 240_000);

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FhirObject, readJson } from '#fhir';
import { startEmbeddedPostgres } from '#platform';
import { type Behaviour, HttpReceiver } from '../../libs/delivery/testing/http-receiver.js';
import { repositoryRoot } from '../load/bench-messages.js';
import { freePort } from '../load/engine-process.js';
import { loadTemplates } from '../load/message-templates.js';
import { checkNotifications, type SeenNotification } from './check-notifications.js';
import { PersistentSender } from './persistent-sender.js';
import { randomFromSeed } from './random-from-seed.js';
import { RoleProcess } from './victims.js';

const SENDERS = 16;
const KILLS = 5;
const WITHIN_MS = 600_000;
/** How long the subscriber is away after the engine was started again. */
const AWAY_MS = 2_000;
/** Shares of the POSTs that the subscriber refuses, and that it breaks off after it has them. */
const REFUSES = 0.05;
const BREAKS_OFF = 0.05;
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';

export interface FlappingOptions {
  readonly seed: number;
  readonly events: number;
  readonly showLog: boolean;
  readonly say: (text: string) => void;
}

export interface FlappingResult {
  readonly breaches: readonly string[];
  readonly events: number;
  readonly kills: number;
  readonly notifications: number;
  readonly repeated: number;
  readonly seconds: number;
}

/**
 * One FHIR subscription hears of every message while its endpoint refuses, breaks off and goes away, and while the whole
 * engine is killed with kill -9 five times, spread over the events. Then the numbers are checked.
 */
export async function flappingSubscriber(options: FlappingOptions): Promise<FlappingResult> {
  const startMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'suture-flapping-'));
  const postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database') });
  const [mllpPort, httpPort] = [await freePort(), await freePort()];
  const subscriber = await new FlappingSubscriber(randomFromSeed(options.seed)).up();
  writeFileSync(
    join(directory, 'prove.yaml'),
    `channel: prove\nsource: { mllp: { listen: "127.0.0.1:${mllpPort}", accept: [ADT^A01, ADT^A04] } }\ntransform: { mapping: hl7v2 }\n`,
  );
  const environment = {
    DATABASE_URL: postgres.url,
    SUTURE_CHANNELS: directory,
    SUTURE_DATA_DIR: join(directory, 'data'),
    SUTURE_HTTP_PORT: String(httpPort),
    SUTURE_ENDPOINTS_ALLOWED: '127.0.0.1',
    SUTURE_LOG_LEVEL: options.showLog ? 'info' : 'error',
  };
  const engine = new RoleProcess('engine', 'engine', environment, options.showLog);
  const templates = loadTemplates(join(repositoryRoot, 'test/fixtures/hl7v2/adt-a01'));
  const senders = Array.from(
    { length: SENDERS },
    (_, n) => new PersistentSender(`PAT${n}`, mllpPort, templates),
  );
  try {
    await engine.restart();
    await subscribe(`http://127.0.0.1:${httpPort}`, join(directory, 'data', 'access-token'), subscriber);
    for (const sender of senders) sender.start();
    const acknowledged = () => senders.reduce((sum, { log }) => sum + log.acknowledged.size, 0);
    const sending = until('all acknowledgments', () => acknowledged() >= options.events).then(() =>
      Promise.all(senders.map((sender) => sender.stop())),
    );
    for (let kill = 1; kill <= KILLS; kill++) {
      const due = Math.floor((options.events * kill) / (KILLS + 1));
      await until(`event ${due}`, () => subscriber.last >= due);
      await engine.kill();
      options.say(`kill ${kill} of ${KILLS}: ${acknowledged()} acknowledged, ${subscriber.last} events told`);
      await subscriber.down();
      await engine.restart();
      await pause(AWAY_MS);
      await subscriber.up();
    }
    await sending;
    const events = acknowledged();
    await until(`all ${events} events`, () => subscriber.taken.size >= events);
    const { breaches, repeated } = checkNotifications(subscriber.seen, events);
    const { length: notifications } = subscriber.seen;
    const seconds = (performance.now() - startMs) / 1000;
    return { breaches, events, kills: KILLS, notifications, repeated, seconds };
  } finally {
    for (const sender of senders) sender.close();
    await engine.stop();
    await subscriber.down();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A subscriber on a bad day. */
class FlappingSubscriber {
  readonly seen: SeenNotification[] = [];
  readonly taken = new Set<number>();
  last = 0;
  private readonly receiver = new HttpReceiver();

  constructor(private readonly random: () => number) {
    this.receiver.behave = ({ body }) => {
      const chance = this.random();
      const behaviour: Behaviour = chance < REFUSES ? 503 : chance < REFUSES + BREAKS_OFF ? 'cut' : 200;
      this.note(body, behaviour === 200);
      this.receiver.posts.length = 0;
      return behaviour;
    };
  }

  get url(): string {
    return this.receiver.url;
  }

  async up(): Promise<this> {
    await this.receiver.up();
    return this;
  }

  down(): Promise<void> {
    return this.receiver.down();
  }

  private note(body: string, taken: boolean): void {
    const [status] = (readJson(body) as { entry: { resource: { parameter: FhirObject[] } }[] }).entry;
    const told = (status?.resource.parameter ?? []).filter(({ name }) => name === 'notification-event');
    if (told.length === 0) return; // a handshake
    const events = told.map(({ part }) => {
      const [number, ...rest] = part as FhirObject[];
      return { number: Number(number?.['valueString']), about: JSON.stringify(rest) };
    });
    this.seen.push({ taken, events });
    for (const { number } of events) {
      this.last = Math.max(this.last, number);
      if (taken) this.taken.add(number);
    }
  }
}

/** Files the subscription as soon as the engine listens, and waits until it is active. */
async function subscribe(origin: string, tokenFile: string, subscriber: FlappingSubscriber): Promise<void> {
  const ask = async (path: string, body?: object) => {
    const authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
    const headers = { authorization, 'content-type': 'application/fhir+json' };
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${origin}/fhir/${path}`, init);
    return (await answer.json()) as { id?: string; status?: string };
  };
  const resource = {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a fault test',
    // Every message has a Bundle's header, of which there is one and whose id is new.
    criteria: 'MessageHeader?',
    channel: {
      type: 'rest-hook',
      endpoint: subscriber.url,
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: `${BACKPORT}payload-content`, valueCode: 'id-only' }] },
      extension: [{ url: `${BACKPORT}max-count`, valuePositiveInt: 50 }],
    },
  };
  let id: string | undefined;
  await until('the subscription to be active', async () => {
    try {
      id ??= (await ask('Subscription', resource)).id;
      return (await ask(`Subscription/${id}`)).status === 'active';
    } catch {
      return false; // it does not listen yet
    }
  });
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WITHIN_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

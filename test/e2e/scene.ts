import { MllpClient, type MllpReply } from '#connectors';
import { HttpReceiver, type ReceivedPost } from '../../libs/delivery/testing/http-receiver.js';
import { checkLogs, type ReceiverEntry, type SenderLog } from '../faults/check-logs.js';
import { type LeftToDo, leftToDo } from '../faults/left-to-do.js';
import { readStore } from '../faults/read-store.js';
import { Deployment, eventually, type Mode } from './deployment.js';
import { type CommandResult, suture } from './suture-command.js';
import { Workspace } from './workspace.js';

type Channel = 'ward' | 'hospital' | 'laboratory';

/** One engine with all that stands around it: senders, a receiver, an endpoint of a subscriber, a person at the keyboard. */
export class Scene {
  private readonly clients = new Map<Channel, MllpClient>();
  private readonly sent = new Map<string, string[]>();
  private readonly acknowledged = new Set<string>();

  private constructor(
    readonly engine: Deployment,
    /** Of the destination of the channel `ward`. */
    readonly receiver: HttpReceiver,
    readonly subscriber: HttpReceiver,
  ) {}

  static async open(mode: Mode): Promise<Scene> {
    const receiver = await new HttpReceiver().up();
    const subscriber = await new HttpReceiver().up();
    const engine = await Deployment.of(mode, await Workspace.create(receiver.url));
    const scene = new Scene(engine, receiver, subscriber);
    try {
      await engine.start();
    } catch (error) {
      await scene.close();
      throw error;
    }
    return scene;
  }

  async close(): Promise<void> {
    await this.hangUp();
    await this.engine.close();
    await this.receiver.down();
    await this.subscriber.down();
  }

  /** Sends one message and waits for its acknowledgment, as a sender does. */
  send(channel: Channel, raw: Buffer): Promise<MllpReply | undefined> {
    const known = this.clients.get(channel);
    const port = this.engine.workspace.ports[channel];
    const client = known ?? new MllpClient({ host: '127.0.0.1', port, replyTimeoutMs: 15_000 });
    this.clients.set(channel, client);
    return client.send(raw);
  }

  /** Sends what must be acknowledged and delivered, and remembers it for `breaches`. */
  async sendResult(patient: string, controlId: string, raw: Buffer): Promise<void> {
    this.sent.set(patient, [...(this.sent.get(patient) ?? []), controlId]);
    const code = (await this.send('ward', raw))?.acknowledgment.code;
    if (code !== 'AA') throw new Error(`${controlId} was answered with ${String(code)}`);
    this.acknowledged.add(controlId);
  }

  /** Closes the connections of the senders. */
  async hangUp(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
    this.clients.clear();
  }

  /** Waits until nothing is left to do, as long as it gets less; `but` names what may be. */
  async settled(but: readonly (keyof LeftToDo)[] = []): Promise<void> {
    let [before, open] = [Number.POSITIVE_INFINITY, 0];
    do {
      await eventually('the engine finishes what it took', async () => {
        const left = await leftToDo(this.engine.database);
        const counts = Object.entries(left).filter(([what]) => !but.some((one) => one === what));
        open = counts.reduce((sum, [, count]) => sum + count, 0);
        return open < before || JSON.stringify(left);
      });
      before = open;
    } while (open > 0);
  }

  /** What the receiver took, in its order. */
  get delivered(): ReceiverEntry[] {
    return this.receiver.posts.map(deliveryOf);
  }

  /** Compares what senders were promised, what the receiver took and what the store holds; a sentence for each breach. */
  async breaches(more: readonly SenderLog[] = []): Promise<readonly string[]> {
    const logs = [...this.sent].map(([patient, sent]) => ({
      patient,
      sent,
      acknowledged: new Set(sent.filter((id) => this.acknowledged.has(id))),
    }));
    const store = await readStore(this.engine.database, 'ward');
    return checkLogs([...logs, ...more], this.delivered, store).breaches;
  }

  /** Runs `suture <words> --json` beside the engine. */
  suture(...words: string[]): Promise<CommandResult> {
    return suture(words, this.engine.environment, this.engine.workspace.directory);
  }

  /** One request to the FHIR API, with the operator's token. */
  async fhir(path: string, request: RequestInit = {}): Promise<FhirAnswer> {
    const headers = { authorization: `Bearer ${this.engine.accessToken}`, ...request.headers };
    const answer = await fetch(`${this.engine.httpUrl}/fhir/${path}`, { ...request, headers });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      body: text === '' ? {} : JSON.parse(text),
    };
  }
}

export interface FhirAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: FhirBody;
}

/** As much of a resource or Bundle as the tests look at. */
export interface FhirBody {
  readonly id?: string;
  readonly resourceType?: string;
  readonly status?: string;
  readonly total?: number;
  readonly meta?: { readonly versionId?: string };
  readonly entry?: readonly { readonly resource?: FhirBody }[];
}

export function deliveryOf({ headers }: ReceivedPost): ReceiverEntry {
  return {
    stream: String(headers['suture-stream']),
    number: Number(headers['suture-event-number']),
    position: String(headers['suture-position']),
  };
}

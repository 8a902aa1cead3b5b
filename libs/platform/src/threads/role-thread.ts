import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type PackKeeper, RelayedPacks } from '#delivery';
import { EngineError } from '#kernel';
import { serveQueues } from '#queue';
import type { Services } from '../services.js';
import {
  errorOf,
  type ThreadAnswer,
  type ThreadPlan,
  type ThreadQuestion,
  type ThreadRoleName,
} from './thread-protocol.js';

/** A thread that is too busy to answer a question for so long is in trouble. */
const answerWithinMs = 2_000;
/**
 * Most megabytes of young objects: what a role holds for longer are buffers outside the heap, and a larger nursery would
 * only let more garbage lie.
 */
const youngGenerationMb = 6;

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Unlike a union of its own, `Omit` of one forgets what its members differ in. */
type Question = ThreadQuestion extends infer Each
  ? Each extends { id: number }
    ? Omit<Each, 'id'>
    : never
  : never;

/**
 * One role in a thread of this process, with database connections of its own; of the process it shares what is plain data, and
 * the queues through a port; one that delivers is told what the process stored through another. The thread is never started
 * again: when it ends unasked, `lost` settles and the process is to end, as it does after an error of its own that nobody caught.
 */
export class RoleThread {
  /** Settles with the reason when the thread ended without having been asked to. */
  readonly lost: Promise<EngineError>;
  /** Tells a role that delivers what the process stored; the others have no use for it. */
  readonly keeper: PackKeeper | undefined;
  private readonly packPort: MessagePort | undefined;
  private readonly worker: Worker;
  private readonly asked = new Map<number, Asked>();
  private readonly ended: Promise<void>;
  private lastId = 0;
  private isStarted = false;
  private isStopping = false;
  private end: EngineError | undefined;

  /** Starts the thread at once, so that it loads its code while the process does something else. `program` is for tests. */
  constructor(
    readonly role: ThreadRoleName,
    program = new URL('./thread-main.js', import.meta.url),
  ) {
    const worker = new Worker(program, {
      name: role,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    });
    this.worker = worker;
    if (role === 'deliver') {
      const { port1, port2 } = new MessageChannel();
      this.keeper = new RelayedPacks(port1);
      this.packPort = port2;
    }
    worker.on('message', (answer: ThreadAnswer) => this.answered(answer));
    let code = 'without an error of its own';
    worker.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.name;
    });
    let report: (reason: EngineError) => void = () => {};
    this.lost = new Promise((done) => {
      report = done;
    });
    this.ended = new Promise((done) => {
      worker.on('exit', () => {
        this.end = new EngineError('bug', 'THREAD_LOST', `the thread of the role ${role} ended: ${code}`);
        for (const { reject } of this.asked.values()) reject(this.end);
        this.asked.clear();
        if (!this.isStopping) report(this.end);
        done();
      });
    });
  }

  /** Runs the role; resolves with what a person should know of it. Rejects with what the role rejects with. */
  async start(services: Services): Promise<readonly string[]> {
    this.isStarted = true;
    const { port1, port2 } = new MessageChannel();
    serveQueues(port1, services.queues);
    port1.unref();
    const { application, settings, databaseUrl, installation, channels } = services;
    const plan: ThreadPlan = {
      role: this.role,
      application,
      // The environment has done its part, and may hold secrets.
      settings: { ...settings, environment: {} },
      databaseUrl,
      installation,
      channels: channels.channels,
      destinations: channels.destinations,
      queuePort: port2,
      packPort: this.packPort,
    };
    const ports = this.packPort === undefined ? [port2] : [this.packPort, port2];
    return (await this.ask({ ask: 'start', plan }, ports)) as readonly string[];
  }

  /** Undefined when all is well; otherwise why the role does not do its work, the thread being too busy to answer among it. */
  async trouble(): Promise<string | undefined> {
    try {
      return (await this.soon({ ask: 'trouble' })) as string | undefined;
    } catch (error) {
      return (error as EngineError).message;
    }
  }

  /** Its figures in the text form of Prometheus; nothing when it does not answer. */
  async metrics(): Promise<string> {
    return this.soon({ ask: 'metrics' }).then(String, () => '');
  }

  /** Stops the role in order and ends the thread. A thread that has ended already is as good as stopped. */
  async stop(): Promise<void> {
    this.isStopping = true;
    try {
      if (this.isStarted && this.end === undefined) await this.ask({ ask: 'stop' });
    } finally {
      await this.worker.terminate();
      await this.ended;
    }
  }

  private async soon(question: Question): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        fail(new EngineError('unavailable', 'THREAD_BUSY', 'the thread of the role does not answer in time'));
      }, answerWithinMs);
    });
    try {
      return await Promise.race([this.ask(question), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private ask(question: Question, transfer: readonly MessagePort[] = []): Promise<unknown> {
    if (this.end !== undefined) return Promise.reject(this.end);
    const id = ++this.lastId;
    const answered = new Promise<unknown>((resolve, reject) => this.asked.set(id, { resolve, reject }));
    // Whoever gave up waiting must not make an error of a late answer.
    answered.catch(() => {});
    this.worker.postMessage({ ...question, id }, [...transfer]);
    return answered;
  }

  private answered(answer: ThreadAnswer): void {
    const asked = this.asked.get(answer.id);
    this.asked.delete(answer.id);
    if ('failure' in answer) asked?.reject(errorOf(answer.failure));
    else asked?.resolve(answer.value);
  }
}

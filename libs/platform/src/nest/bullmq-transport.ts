import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Queues } from '#queue';
import type { RoleName, RoleTransport } from './role-transport.js';
import { transportId } from './role-transport.js';

/** What a role behind a queue can do. */
export interface QueueRole {
  start(): void | Promise<void>;
  stop(): Promise<void>;
  trouble(): string | undefined;
  /** What is wrong with files of its configuration, once it has started. */
  readonly problems?: readonly string[];
}

/**
 * BullMQ as a Nest transport: every handler pattern is the name of a queue, whose nudges go to that handler. Closing stops
 * the role; the workers end with the queues, which all roles of a process share.
 */
export class BullmqTransport extends Server implements CustomTransportStrategy, RoleTransport {
  override readonly transportId: symbol;
  announcements: readonly string[] = [];
  private closing: Promise<void> | undefined;

  constructor(
    name: RoleName,
    private readonly queues: Queues,
    private readonly role: QueueRole,
  ) {
    super();
    this.transportId = transportId[name];
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [queue, handler] of this.messageHandlers) {
      const run = async (data: unknown): Promise<void> => {
        const answer: unknown = await handler(data);
        if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined });
      };
      this.queues.work(queue, run);
    }
    void (async () => {
      await this.role.start();
      this.announcements = (this.role.problems ?? []).map((problem) => `not used: ${problem}`);
    })().then(() => callback(), callback);
  }

  close(): Promise<void> {
    this.closing ??= this.role.stop();
    return this.closing;
  }

  trouble(): string | undefined {
    return this.role.trouble();
  }

  on(): void {
    // It has no events of its own.
  }

  unwrap<T>(): T {
    return this.role as T;
  }
}

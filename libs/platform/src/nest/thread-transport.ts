import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { Services } from '../services.js';
import { RoleThread } from '../threads/role-thread.js';
import type { ThreadRoleName } from '../threads/thread-protocol.js';
import { type RoleTransport, transportId } from './role-transport.js';

/** A role in a thread of its own as a Nest transport: listening runs it there, closing stops it. */
export class ThreadTransport extends Server implements CustomTransportStrategy, RoleTransport {
  override readonly transportId: symbol;
  announcements: readonly string[] = [];
  private closing: Promise<void> | undefined;
  private readonly thread: RoleThread;

  constructor(
    name: ThreadRoleName,
    private readonly services: Services,
  ) {
    super();
    this.transportId = transportId[name];
    this.thread = new RoleThread(name);
    services.metrics.include(() => this.thread.metrics());
  }

  get lost(): Promise<unknown> {
    return this.thread.lost;
  }

  listen(callback: (error?: unknown) => void): void {
    this.thread.start(this.services).then((lines) => {
      this.announcements = lines;
      callback();
    }, callback);
  }

  close(): Promise<void> {
    this.closing ??= this.thread.stop();
    return this.closing;
  }

  trouble(): Promise<string | undefined> {
    return this.thread.trouble();
  }

  on(): void {
    // It has no events of its own.
  }

  unwrap<T>(): T {
    return this.thread as T;
  }
}

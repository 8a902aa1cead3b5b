import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Receipt } from '#channel';
import { assert } from '#kernel';
import type { IngestRole } from '../ingest-role.js';
import { type RoleTransport, transportId } from './role-transport.js';

/** The pattern of the handler that gets every arrival and answers with its receipt. */
export const ARRIVAL = 'arrival';

/**
 * MLLP as a Nest transport: listening opens the ports of all channels, and what arrives goes to the handler of the pattern
 * `arrival`. Nothing is acknowledged before that handler has answered.
 */
export class MllpTransport extends Server implements CustomTransportStrategy, RoleTransport {
  override readonly transportId = transportId.ingest;
  announcements: readonly string[] = [];
  private closing: Promise<void> | undefined;

  constructor(private readonly ingest: IngestRole) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    const handler = this.getHandlerByPattern(ARRIVAL);
    assert(handler, 'ARRIVAL_HANDLER_MISSING');
    const receive = async (arrival: unknown): Promise<Receipt> => {
      const answer: unknown = await handler(arrival);
      // Nest turns what a handler throws into a stream that fails.
      return (isObservable(answer) ? await lastValueFrom(answer) : answer) as Receipt;
    };
    this.ingest.start(receive).then((lines) => {
      this.announcements = lines;
      callback();
    }, callback);
  }

  close(): Promise<void> {
    this.closing ??= this.ingest.stop();
    return this.closing;
  }

  trouble(): string | undefined {
    return this.ingest.trouble();
  }

  on(): void {
    // It has no events of its own.
  }

  unwrap<T>(): T {
    return this.ingest as T;
  }
}

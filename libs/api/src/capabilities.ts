import type { ResourceReader } from '#store';
import type { ApiServices } from './api-services.js';
import { capabilityStatement, type RoutedCapabilities } from './capability-statement.js';

/** Injection token for `Capabilities`. */
export const CAPABILITIES = Symbol('Capabilities');

/** What differs from one answer to the next is only the address; the rest is settled when the module is made. */
export class Capabilities {
  private readonly dateMs: number;
  private last = { address: '', text: '' };

  constructor(
    private readonly services: ApiServices,
    private readonly reader: ResourceReader,
    private readonly routed: Pick<RoutedCapabilities, 'everyType' | 'oneType' | 'system'>,
  ) {
    this.dateMs = services.clock.nowMs();
  }

  /** The JSON of the CapabilityStatement for a client that knows this server as `address`. */
  statement(address: string): string {
    if (this.last.address !== address) {
      const text = capabilityStatement({
        ...this.routed,
        searchable: (type) => this.reader.searchable(type),
        topics: this.services.topics,
        address,
        softwareVersion: this.services.softwareVersion,
        dateMs: this.dateMs,
      });
      this.last = { address, text };
    }
    return this.last.text;
  }
}

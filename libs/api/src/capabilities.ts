import type { ResourceReader } from '#store';
import type { ApiServices } from './api-services.js';
import { capabilityStatement, type RoutedCapabilities } from './capability-statement.js';
import type { Route } from './interaction.js';
import { openApi } from './open-api.js';
import { subscriptionParameters } from './subscription-search.js';

/** Injection token for `Capabilities`. */
export const CAPABILITIES = Symbol('Capabilities');

type Routed = Pick<RoutedCapabilities, 'everyType' | 'oneType' | 'system'> & {
  readonly routes: readonly Route[];
};

/** What differs from one answer to the next is only the address; the rest is settled when the module is made. */
export class Capabilities {
  private readonly dateMs: number;
  private lastStatement = { address: '', tokenEndpoint: '', text: '' };
  private lastOpenApi = { address: '', tokenEndpoint: '', text: '' };

  constructor(
    private readonly services: ApiServices,
    private readonly reader: ResourceReader,
    private readonly routed: Routed,
  ) {
    this.dateMs = services.clock.nowMs();
  }

  /** The JSON of the CapabilityStatement for a client that knows this server as `address`. */
  statement(address: string, tokenEndpoint: string): string {
    const last = this.lastStatement;
    if (last.address === address && last.tokenEndpoint === tokenEndpoint) return last.text;
    const text = capabilityStatement({
      ...this.routed,
      ...this.common(address, tokenEndpoint),
      topics: this.services.topics,
      dateMs: this.dateMs,
    });
    this.lastStatement = { address, tokenEndpoint, text };
    return text;
  }

  /** The JSON of the OpenAPI document for the same client. */
  openApi(address: string, tokenEndpoint: string): string {
    const last = this.lastOpenApi;
    if (last.address === address && last.tokenEndpoint === tokenEndpoint) return last.text;
    const text = openApi({ routes: this.routed.routes, ...this.common(address, tokenEndpoint) });
    this.lastOpenApi = { address, tokenEndpoint, text };
    return text;
  }

  private common(address: string, tokenEndpoint: string) {
    const { softwareVersion } = this.services;
    const searchable = (type: string) =>
      type === 'Subscription' ? subscriptionParameters() : this.reader.searchable(type);
    return { searchable, address, tokenEndpoint, softwareVersion };
  }
}

import type { ChannelFile } from '#channel';
import type { Message } from '#hl7v2';
import { compileMessageCondition, type MappingParameters, type MappingSet } from '#mapping';

/** Drops a message, with a reason that trace shows. */
export interface MessageFilter {
  readonly drops: (message: Message) => boolean;
  readonly reason: string;
}

/** Sends a message to a destination of its channel; without `types` every message. */
export interface ChannelRoute {
  readonly destination: number;
  readonly types: ReadonlySet<string> | undefined;
}

/** What the transformer needs to know of a channel, ready to run. */
export interface TransformChannel {
  readonly id: number;
  readonly name: string;
  readonly filters: readonly MessageFilter[];
  readonly mappings: MappingSet;
  readonly parameters: MappingParameters;
  readonly routes: readonly ChannelRoute[];
}

/**
 * Makes a channel file ready to run. `destinations` gives the number of each destination by its full name,
 * `channel.destination`. `misconfigured` when a filter's condition is not understood.
 */
export function transformChannel(
  file: ChannelFile,
  id: number,
  mappings: MappingSet,
  destinations: ReadonlyMap<string, number>,
): TransformChannel {
  const routes = (file.routes ?? []).flatMap((route) => {
    const destination = destinations.get(`${file.channel}.${route.to}`);
    return destination === undefined ? [] : [{ destination, types: route.types && new Set(route.types) }];
  });
  return {
    id,
    name: file.channel,
    filters: (file.filter ?? []).map(({ drop_when, reason }) => ({
      drops: compileMessageCondition(drop_when),
      reason,
    })),
    mappings,
    parameters: Object.fromEntries(file.transform.with ?? new Map<string, string>()),
    routes,
  };
}

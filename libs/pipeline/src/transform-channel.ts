import type { ChannelFile, FileProblem } from '#channel';
import { EngineError } from '#kernel';
import type { MappingParameters, MappingSet } from '#mapping';
import { filtersOf, type MessageFilter } from './message-filter.js';

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
 * `channel.destination`. `misconfigured` when the condition of a filter is not understood, or asks for what
 * the channel does not take.
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
  const problems: FileProblem[] = [];
  const filters = filtersOf(file, mappings, problems);
  const [problem] = problems;
  if (problem) {
    const { file: path, line, column, code, message, remedy } = problem;
    throw new EngineError('misconfigured', code, `${path}:${line}:${column} ${message}; ${remedy}`);
  }
  return {
    id,
    name: file.channel,
    filters,
    mappings,
    parameters: Object.fromEntries(file.transform.with ?? new Map<string, string>()),
    routes,
  };
}

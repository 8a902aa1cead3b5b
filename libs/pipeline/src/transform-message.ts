import { CdaDocument } from '#cda';
import { type JournaledMessage, journalKind } from '#journal';
import { formatPosition, isEngineError } from '#kernel';
import { digestOfMapping, type MessageOutcome, messageState } from '#store';
import type { TransformChannel } from './transform-channel.js';

/** What stands in a pack for a message that no mapping file touched. */
const NO_MAPPING = 'none';

const UNDECODABLE =
  'some of its bytes are no text in its character set (MSH-18); correct the set at the sender';

export interface TransformContext {
  readonly tenant: string;
  readonly engineVersion: string;
  readonly channels: ReadonlyMap<number, TransformChannel>;
}

/**
 * One message to what it became: pure, so a re-run after a crash gives the same bytes. Never throws for content: what cannot
 * be mapped is dead with a reason, the rest flows.
 */
export function transformMessage(message: JournaledMessage, context: TransformContext): MessageOutcome {
  const channel = context.channels.get(message.channel);
  const common = {
    position: message.position,
    kind: message.kind,
    channel: message.channel,
    channelName: channel?.name ?? '',
    receivedAtMs: message.receivedAtMs,
    raw: message.raw,
  };
  const ended = (state: 2 | 3, code: string, reason: string): MessageOutcome => {
    const mapping = digestOfMapping(context.engineVersion, NO_MAPPING);
    return { ...common, state, code, reason, mapping, resources: [] };
  };
  if (message.kind === journalKind.twin) {
    const main = message.refers ? formatPosition(message.refers) : 'another';
    return ended(
      messageState.filtered,
      'TWIN_MARKER',
      `stands here for message ${main}, which touches two patients`,
    );
  }
  if (channel === undefined) {
    return ended(
      messageState.dead,
      'CHANNEL_UNKNOWN',
      'its channel has no valid file; correct it, then replay',
    );
  }
  try {
    const { source, map, controlId } = channel.mappings.read(message.raw);
    if (!(source instanceof CdaDocument)) {
      const undecodable = source.problems.find((problem) => problem.severity === 'error');
      if (undecodable) return ended(messageState.dead, undecodable.code, UNDECODABLE);
    }
    for (const filter of channel.filters)
      if (filter.drops(source)) return ended(messageState.filtered, 'CHANNEL_FILTER', filter.reason);
    if (map === undefined) {
      return ended(
        messageState.dead,
        'MAPPING_MISSING',
        'no valid mapping claims its message type; add or correct one, then replay',
      );
    }
    const { resources } = map.run(source, { tenant: context.tenant, parameters: channel.parameters });
    if (resources.length === 0) {
      return ended(messageState.dead, 'MAPPING_EMPTY', `mapping ${map.name} made no resource of it`);
    }
    const mapping = digestOfMapping(context.engineVersion, map.digest);
    const sent = controlId === undefined ? {} : { controlId };
    return { ...common, state: messageState.transformed, mapping, resources, ...sent };
  } catch (error) {
    // The message of an EngineError never holds content; that of another error may, so only its name is kept.
    if (isEngineError(error)) return ended(messageState.dead, error.code, error.message);
    const name = error instanceof Error ? error.name : 'unknown';
    return ended(messageState.dead, 'TRANSFORM_FAILED', `the transformer failed on it (${name})`);
  }
}

import { acceptedBy, type ChannelFile, type FileProblem } from '#channel';
import { compileChannelCondition, type MappingSet } from '#mapping';

/** Drops a message, a document or rows, with a reason that trace shows. */
export interface MessageFilter {
  readonly drops: (source: ReturnType<MappingSet['read']>['source']) => boolean;
  readonly reason: string;
}

/**
 * The filters of a channel, for what it accepts. A condition that is not understood, or that asks for what the channel does not
 * take, is added to `problems`; its filter is left out.
 */
export function filtersOf(
  file: ChannelFile,
  { layouts }: Pick<MappingSet, 'layouts'>,
  problems: FileProblem[],
): MessageFilter[] {
  const accepted = acceptedBy(file);
  const takes = {
    messages: accepted.some((type) => type.includes('^')),
    documents: accepted.includes('CDA'),
    layouts: layouts.filter(({ name }) => accepted.includes(name)),
  };
  return (file.filter ?? []).flatMap(({ drop_when: { value, ...place }, reason }) => {
    const { holds, problem } = compileChannelCondition(value, takes);
    if (!problem) return { drops: holds, reason };
    problems.push({ ...place, code: 'CHANNEL_CONDITION_WRONG', ...problem });
    return [];
  });
}

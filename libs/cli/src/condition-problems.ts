import type { ChannelFile, FileProblem } from '#channel';
import { isEngineError } from '#kernel';
import { compileMessageCondition } from '#mapping';
import { placeInChannel } from './channel-place.js';

/** The filter conditions of channels that cannot be compiled, each where it stands in its file. */
export async function conditionProblems(
  directory: string,
  channels: readonly ChannelFile[],
): Promise<(FileProblem & { channel: string })[]> {
  const problems: (FileProblem & { channel: string })[] = [];
  for (const { channel, filter = [] } of channels) {
    for (const { drop_when } of filter) {
      try {
        compileMessageCondition(drop_when);
      } catch (error) {
        if (!isEngineError(error, 'misconfigured')) throw error;
        const place = await placeInChannel(directory, channel, drop_when);
        problems.push({
          channel,
          ...place,
          code: error.code,
          message: error.message,
          remedy: 'correct the condition',
        });
      }
    }
  }
  return problems;
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChannelFile, FileProblem } from '#channel';
import { isEngineError } from '#kernel';
import { compileMessageCondition } from '#mapping';

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
        const place = await placeOf(directory, channel, drop_when);
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

/** A channel that was read knows no lines any more: the condition is looked for in the file that declares the channel. */
async function placeOf(
  directory: string,
  channel: string,
  condition: string,
): Promise<{ file: string; line: number; column: number }> {
  const declares = new RegExp(`^channel:\\s*['"]?${channel}['"]?\\s*(#.*)?$`, 'm');
  for (const name of (await readdir(directory)).filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const text = await readFile(join(directory, name), 'utf8');
    if (!declares.test(text)) continue;
    const lines = text.slice(0, Math.max(0, text.indexOf(condition))).split('\n');
    return { file: join(directory, name), line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  }
  return { file: directory, line: 0, column: 0 };
}

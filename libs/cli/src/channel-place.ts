import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A channel that was read knows no lines any more: the words are looked for in the file that declares the channel. */
export async function placeInChannel(
  directory: string,
  channel: string,
  words: string,
): Promise<{ file: string; line: number; column: number }> {
  const declares = new RegExp(`^channel:\\s*['"]?${channel}['"]?\\s*(#.*)?$`, 'm');
  for (const name of (await readdir(directory)).filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const text = await readFile(join(directory, name), 'utf8');
    if (!declares.test(text)) continue;
    const lines = text.slice(0, Math.max(0, text.indexOf(words))).split('\n');
    return { file: join(directory, name), line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  }
  return { file: directory, line: 0, column: 0 };
}

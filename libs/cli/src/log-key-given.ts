import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EngineError } from '#kernel';
import type { Call } from './verb.js';

/** The log's key as typed (`name+id+key`) or in the file that was typed. */
export async function keyGiven(call: Call): Promise<string | undefined> {
  const typed = call.arguments.text('key');
  if (typed === undefined || /^[^\s+]+\+[0-9a-f]{8}\+\S+$/.test(typed)) return typed;
  try {
    return (await readFile(resolve(call.settings.typedFrom, typed), 'utf8')).trim();
  } catch (cause) {
    throw new EngineError(
      'misconfigured',
      'FILE_UNREADABLE',
      `--key ${typed} is neither a key (name+id+key) nor a readable file`,
      { cause },
    );
  }
}

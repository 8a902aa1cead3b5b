import { access, readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { EngineError } from '#kernel';
import type { CommandSettings } from './settings.js';

export interface FolderLayout {
  readonly channels: string;
  readonly mappings: string;
}

/** Where channel files and mappings are: as the engine is set up, or in a folder laid out like `mappings/`. */
export async function folderLayout(
  settings: CommandSettings,
  typed: string | undefined,
): Promise<FolderLayout> {
  if (typed === undefined)
    return { channels: settings.channelsDirectory, mappings: settings.mappingsDirectory };
  const folder = resolve(settings.typedFrom, typed);
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new EngineError('misconfigured', 'FILE_UNREADABLE', `cannot read the folder ${typed}`, { cause });
  });
  if (names.includes('channels')) return { channels: join(folder, 'channels'), mappings: folder };
  const isChannelFolder =
    names.some((name) => /\.ya?ml$/.test(name)) && !(await exists(join(folder, 'hl7v2')));
  return isChannelFolder
    ? { channels: folder, mappings: resolve(folder, '..') }
    : { channels: settings.channelsDirectory, mappings: folder };
}

/** A file as a person in the folder they typed in would name it. */
export function shownPath(settings: CommandSettings, path: string): string {
  const near = relative(settings.typedFrom, path);
  return near === '' || near.startsWith('..') ? path : near;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

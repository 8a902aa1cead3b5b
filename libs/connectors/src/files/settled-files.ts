import type { FolderFile } from './polled-folder.js';

/** Tells which files of a folder have stopped growing: size and time have been the same for so long. */
export class SettledFiles {
  private seen = new Map<string, FolderFile & { readonly sinceMs: number }>();

  constructor(
    private readonly settleMs: number,
    private readonly order: 'name' | 'time',
  ) {}

  /** `nowMs` of a clock that only goes forward. In the order in which they are to be taken. */
  ready(files: readonly FolderFile[], nowMs: number): FolderFile[] {
    const seen = new Map<string, FolderFile & { readonly sinceMs: number }>();
    for (const file of files) {
      const before = this.seen.get(file.name);
      const isSame = before?.size === file.size && before.modifiedMs === file.modifiedMs;
      seen.set(file.name, { ...file, sinceMs: isSame ? before.sinceMs : nowMs });
    }
    this.seen = seen;
    return inOrder(
      files.filter(({ name }) => nowMs - (seen.get(name)?.sinceMs ?? nowMs) >= this.settleMs),
      this.order,
    );
  }
}

export function inOrder(files: readonly FolderFile[], order: 'name' | 'time'): FolderFile[] {
  return [...files].sort((a, b) => {
    const byTime = order === 'time' ? a.modifiedMs - b.modifiedMs : 0;
    return byTime !== 0 ? byTime : a.name < b.name ? -1 : Number(a.name > b.name);
  });
}

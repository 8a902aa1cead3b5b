import type { FileProblem } from './field-spec.js';

/** The first `most` of the files in `directory`, by name. What is left out is a problem, for nobody else would tell. */
export function firstFiles(
  directory: string,
  names: readonly string[],
  most: number,
  problems: FileProblem[],
): string[] {
  const sorted = [...names].sort();
  const unread = sorted[most];
  if (unread !== undefined)
    problems.push({
      file: directory,
      line: 0,
      column: 0,
      code: 'FOLDER_TOO_FULL',
      message: `there are ${sorted.length} files here, and the first ${most} by name are read: '${unread}' and what follows is not`,
      remedy: 'move what is not used to another folder, or run another engine for a part of them',
    });
  return sorted.slice(0, most);
}

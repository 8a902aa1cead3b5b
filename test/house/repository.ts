import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text files of this repository by path from its root, '/' between folders. What the house rules judge. */
export type Repository = ReadonlyMap<string, string>;

export const repositoryRoot = join(import.meta.dirname, '..', '..');

const made = new Set(['node_modules', 'dist', 'coverage', '.git', '.suture', '.bench', '.cache']);
const text = /(\.(ts|mjs|cjs|js|json|md|ya?ml|sh|sql|csv|go|mod|css|html|hl7)|^[^.]+|^\.[^.]+)$/;

/** Reads every text file under `root` that people write; nothing that tools make, nothing beyond 2 MB. */
export function readRepository(root = repositoryRoot): Repository {
  const files = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      // In a second working tree .git is a file.
      if (made.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      if (!entry.isFile() || !text.test(entry.name)) continue;
      const content = readFileSync(join(root, path), 'utf8');
      if (content.length <= 2_000_000) files.set(path, content);
    }
  };
  walk('');
  return files;
}

/** The libraries that have code, by folder name. */
export function libraries(repository: Repository): string[] {
  const names = new Set<string>();
  for (const path of repository.keys()) {
    const name = /^libs\/([^/]+)\/src\//.exec(path)?.[1];
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

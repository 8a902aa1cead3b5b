import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';

const shipped = fileURLToPath(new URL('../../../mappings', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'mappings-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});
let count = 0;

/** A folder with the shipped code tables and these files alone; it goes when the tests of the file are over. */
export function mappingFolder(files: Readonly<Record<string, string>>): string {
  const folder = join(root, String(++count));
  cpSync(join(shipped, 'tables'), join(folder, 'tables'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

// What the commands over the official tables share: where the tables are, and how a comparison is told.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './our-rules.mjs';

/** The folder after --tables, else the one beside the repository; undefined, and exit code 2, when it is not there. */
export function officialFolder(words) {
  const at = words.indexOf('--tables');
  const dir = at < 0 ? join(root, '../shared/v2-to-fhir') : words[at + 1];
  if (existsSync(dir)) return dir;
  process.stderr.write(`the official tables are not there: ${dir}\n`);
  process.exitCode = 2;
  return undefined;
}

/** Rows with a state in `open`, all of them with --all, and the counts; exit code 1 when there is an open one. */
export function tellComparison(words, results, counts, open, lineOf) {
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify(results, null, 1)}\n`);
  else {
    for (const one of results)
      if (words.includes('--all') || open.includes(one.state))
        process.stdout.write(`${one.state.padEnd(9)} ${lineOf(one)}\n`);
    const sums = Object.entries(counts).map(([key, n]) => `${key}: ${n}`);
    process.stdout.write(`${sums.join(', ')}\n`);
  }
  process.exitCode = open.some((state) => counts[state] > 0) ? 1 : 0;
}

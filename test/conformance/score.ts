import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConvertedCorpusFile } from './corpus-files.js';

/** What the scorer says of one part of the corpus. Shares in percent. */
export interface Score {
  readonly files: number;
  /** Files without a bundle: all their values count as lost. */
  readonly unreadable: number;
  readonly values: number;
  readonly kept: number;
  readonly placed: number;
  readonly placedOf: number;
  readonly clean: number;
  readonly issues: Readonly<Record<string, number>>;
}

interface Summary {
  readonly files: number;
  readonly unreadable: number;
  readonly atoms: number;
  readonly nativeRecall: string;
  readonly placed: string;
  readonly filesWithoutAnyIssue: string;
  readonly issues: Record<string, number>;
}

/** Only what the scorer reads as one message. */
const SCORED = /\.(hl7|txt|xml|ccda)$/;

/** Writes the bundles out and runs the scorer on them and their sources. */
export function scoreOf(scorer: string, corpus: string, files: readonly ConvertedCorpusFile[]): Score {
  const directory = mkdtempSync(join(tmpdir(), 'suture-score-'));
  try {
    const pairs = files
      .filter(({ file }) => SCORED.test(file))
      .map(({ file, converted }, index) => {
        const out = join(directory, `${index}.json`);
        if (converted.bundle !== undefined) writeFileSync(out, converted.bundle);
        return { src: join(corpus, file), out };
      });
    const list = join(directory, 'pairs.json');
    writeFileSync(list, JSON.stringify(pairs));
    const run = spawnSync(process.execPath, [scorer, '--pairs', list], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`the scorer ended with ${run.status}: ${run.stderr}`);
    return scoreFrom(JSON.parse(run.stdout) as Summary);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function scoreFrom(summary: Summary): Score {
  const [placed = 0, placedOf = 0] = /^([\d.]+)% of (\d+)$/.exec(summary.placed)?.slice(1).map(Number) ?? [];
  return {
    files: summary.files,
    unreadable: summary.unreadable,
    values: summary.atoms,
    kept: Number(summary.nativeRecall),
    placed,
    placedOf,
    clean: Number.parseInt(summary.filesWithoutAnyIssue, 10),
    issues: summary.issues,
  };
}

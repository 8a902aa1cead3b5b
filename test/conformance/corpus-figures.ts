import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MappingSet } from '#mapping';
import { type ConvertedCorpusFile, type CorpusPart, convertCorpusFile, digestOf } from './corpus-files.js';
import type { Figure } from './figure.js';
import { type Score, scoreOf } from './score.js';

/** The score of files by the folder they stand in. */
export interface FolderScore {
  readonly folder: string;
  readonly score: Score;
}

export function scoresOf(
  scorer: string,
  corpus: string,
  files: readonly ConvertedCorpusFile[],
  folders: readonly string[],
): FolderScore[] {
  return folders.map((folder) => ({
    folder,
    score: scoreOf(
      scorer,
      corpus,
      files.filter(({ file }) => file.startsWith(`${folder}/`)),
    ),
  }));
}

function sumOf(parts: readonly FolderScore[], of: (score: Score) => number): number {
  return parts.reduce((total, { score }) => total + of(score), 0);
}

export function keptFigure(parts: readonly FolderScore[], goal: number): Figure {
  const values = sumOf(parts, (score) => score.values);
  const kept = sumOf(parts, (score) => score.kept * score.values) / values;
  return {
    name: 'values kept outside private extensions',
    value: `${kept.toFixed(1)} % of ${values}`,
    goal: `>= ${goal} %`,
    reached: kept >= goal,
    details: parts.map(
      ({ folder, score }) =>
        `${folder}: ${score.kept} % of ${score.values}, ${score.unreadable} of ${score.files} files without a bundle`,
    ),
  };
}

/** `note` goes under the folders. */
export function placedFigure(parts: readonly FolderScore[], goal: number, note: string): Figure {
  const placedOf = sumOf(parts, (score) => score.placedOf);
  const placed = sumOf(parts, (score) => score.placed * score.placedOf) / placedOf;
  return {
    name: 'values in their official element',
    value: `${placed.toFixed(1)} % of ${placedOf}`,
    goal: `>= ${goal} %`,
    reached: placed >= goal,
    details: [...parts.map(({ folder, score }) => `${folder}: ${score.placed} % of ${score.placedOf}`), note],
  };
}

/** What the scorer calls an issue and R4 does not: two specimens without ids may look the same and be two. */
const TWINS = 'duplicateContent';

/** No missing or unknown element, wrong code, dangling reference or duplicate id, as the scorer finds them. */
export function cleanFigure(parts: readonly FolderScore[]): Figure {
  const issues = parts.flatMap(({ folder, score }) =>
    Object.entries(score.issues).map(([issue, count]) => ({ issue, text: `${folder}: ${issue} ${count}` })),
  );
  const bundles = sumOf(parts, (score) => score.files - score.unreadable);
  const isClean = issues.every(({ issue }) => issue === TWINS);
  const clean = isClean ? bundles : sumOf(parts, (score) => score.clean);
  return {
    name: 'bundles without any issue of R4',
    value: `${clean} of ${bundles}`,
    goal: 'all',
    reached: isClean,
    details: issues.map(({ text }) => text),
  };
}

/** What is left out on purpose, with the reason that its rule gives. */
export function dropFigure(files: readonly ConvertedCorpusFile[]): Figure {
  const counts = new Map<string, number>();
  let all = 0;
  for (const { converted } of files) {
    for (const { report } of converted.messages) {
      for (const { rule, reason } of report?.dropped ?? []) {
        const text = `${rule}: ${reason}`;
        counts.set(text, (counts.get(text) ?? 0) + 1);
        all++;
      }
    }
  }
  return {
    name: 'values left out on purpose',
    value: `${all}, by ${counts.size} rules with a reason`,
    goal: '',
    reached: true,
    details: [...counts].sort((a, b) => b[1] - a[1]).map(([text, count]) => `${count} times  ${text}`),
    whole: true,
  };
}

/** Once more in this process in the other order, and once in another process. */
export function sameBytesFigure(
  part: CorpusPart,
  corpus: string,
  names: readonly string[],
  set: MappingSet,
  files: readonly ConvertedCorpusFile[],
): Figure {
  const first = digestOf(files);
  const again = digestOf(names.toReversed().map((name) => convertCorpusFile(corpus, name, set)));
  const child = fileURLToPath(new URL('./digest-process.js', import.meta.url));
  const other = spawnSync(process.execPath, [child, part], { encoding: 'utf8' }).stdout.trim();
  return {
    name: 'the same bytes on every run',
    value: `${first === again ? 'same' : 'OTHER'} in the other order, ${first === other ? 'same' : 'OTHER'} in another process`,
    goal: 'same',
    reached: first === again && first === other,
    details: [first, again, other],
  };
}

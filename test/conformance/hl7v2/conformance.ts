import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadMappings, type MappingSet, mutateMappings } from '#mapping';
import { repositoryRoot } from '../../load/bench-messages.js';
import {
  type ConvertedCorpusFile,
  convertCorpusFile,
  digestOf,
  leavesOf,
  messageFiles,
} from './corpus-conversion.js';
import { wrongHardFiles } from './hard-files.js';
import { type Score, scoreOf } from './score.js';

/** Whose messages are scored. */
const SCORED_FOLDERS = ['microsoft', 'reportstream', 'trusted-intermediary', 'google'];
const KEPT_GOAL = 95;
const PLACED_GOAL = 92;
const UNMAPPED_GOAL = 3;
const ALL = 100;
/** Most lines behind a figure with --verbose. */
const SHOWN = 40;

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly goal: string;
  readonly reached: boolean;
  readonly details: readonly string[];
  /** Whether --verbose shows all of them. */
  readonly whole?: boolean;
}

/** Prints the figures over ../shared/corpus/hl7v2. Answers the exit code. */
export function conformanceOfHl7v2(options: { json: boolean; verbose: boolean }): number {
  const corpus = join(repositoryRoot, '../shared/corpus/hl7v2');
  const scorer = join(repositoryRoot, '../shared/bench/score-fhir.mjs');
  if (!existsSync(corpus) || !existsSync(scorer)) {
    process.stdout.write('there is no corpus beside this repository (../shared): nothing was checked\n');
    return 3;
  }
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const set = loadMappings(join(repositoryRoot, 'mappings'), { layers: ['us'] });
  const names = messageFiles(corpus);
  say(`converting ${names.length} files ...`);
  const files = names.map((name) => convertCorpusFile(corpus, name, set));
  say('scoring ...');
  const figures = [
    ...scores(scorer, corpus, files),
    ...accountFigures(corpus, files),
    dropFigure(files),
    hardFileFigure(corpus, files),
    sameBytesFigure(corpus, names, set, files),
  ];
  say('taking rules away ...');
  figures.push(unguardedRulesFigure());
  if (options.json) process.stdout.write(`${JSON.stringify({ figures })}\n`);
  else for (const figure of figures) print(figure, options.verbose);
  const open = figures.filter(({ reached }) => !reached).length;
  if (!options.json) process.stdout.write(`${figures.length - open} goals reached, ${open} not\n`);
  return open === 0 ? 0 : 1;
}

function print({ name, value, goal, reached, details, whole }: Figure, verbose: boolean): void {
  process.stdout.write(
    `${name.padEnd(44)} ${value.padEnd(34)} ${goal.padEnd(16)} ${reached ? 'reached' : 'NOT REACHED'}\n`,
  );
  if (verbose)
    for (const line of whole === true ? details : details.slice(0, SHOWN))
      process.stdout.write(`    ${line}\n`);
}

function scores(scorer: string, corpus: string, files: readonly ConvertedCorpusFile[]): Figure[] {
  const parts = SCORED_FOLDERS.map((folder) => ({
    folder,
    score: scoreOf(
      scorer,
      corpus,
      files.filter(({ file }) => file.startsWith(`${folder}/`)),
    ),
  }));
  const sum = (of: (score: Score) => number) => parts.reduce((total, { score }) => total + of(score), 0);
  const values = sum((score) => score.values);
  const kept = sum((score) => score.kept * score.values) / values;
  const placedOf = sum((score) => score.placedOf);
  const placed = sum((score) => score.placed * score.placedOf) / placedOf;
  const issues = parts.flatMap(({ folder, score }) =>
    Object.entries(score.issues).map(([issue, count]) => `${folder}: ${issue} ${count}`),
  );
  const bundles = sum((score) => score.files - score.unreadable);
  const clean = sum((score) => score.clean);
  return [
    {
      name: 'values kept outside private extensions',
      value: `${kept.toFixed(1)} % of ${values}`,
      goal: `>= ${KEPT_GOAL} %`,
      reached: kept >= KEPT_GOAL,
      details: parts.map(
        ({ folder, score }) =>
          `${folder}: ${score.kept} % of ${score.values}, ${score.unreadable} of ${score.files} files without a bundle`,
      ),
    },
    {
      name: 'values in their official element',
      value: `${placed.toFixed(1)} % of ${placedOf}`,
      goal: `>= ${PLACED_GOAL} %`,
      reached: placed >= PLACED_GOAL,
      details: [
        ...parts.map(({ folder, score }) => `${folder}: ${score.placed} % of ${score.placedOf}`),
        `${inBundles(files)} more stand where the tables want them, in the Bundle's identifier (MSH-10), which the scorer does not look at`,
      ],
    },
    {
      name: 'bundles without any issue of R4',
      value: `${clean} of ${bundles}`,
      goal: 'all',
      reached: clean === bundles && issues.length === 0,
      details: issues,
    },
  ];
}

/** Values of scored files in `Bundle.identifier`. */
function inBundles(files: readonly ConvertedCorpusFile[]): number {
  let count = 0;
  for (const { file, converted } of files) {
    if (!SCORED_FOLDERS.some((folder) => file.startsWith(`${folder}/`))) continue;
    const head = converted.bundle?.slice(0, converted.bundle.indexOf('"entry"')) ?? '';
    if (head.includes('"identifier"')) count++;
  }
  return count;
}

/** What is left out on purpose, with the reason that its rule gives. */
function dropFigure(files: readonly ConvertedCorpusFile[]): Figure {
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

function unguardedRulesFigure(): Figure {
  const { rules, survivors, failing } = mutateMappings(join(repositoryRoot, 'mappings'));
  return {
    name: 'rules that no test misses',
    value: `${survivors.length} of ${rules}`,
    goal: 'none',
    reached: survivors.length === 0 && failing.length === 0,
    details: [...failing, ...survivors.map(({ name, file, line }) => `${file}:${line} ${name}`)],
  };
}

function accountFigures(corpus: string, files: readonly ConvertedCorpusFile[]): Figure[] {
  let leaves = 0;
  let unmapped = 0;
  const wrong: string[] = [];
  const places = new Map<string, number>();
  for (const { file, converted } of files) {
    const counted = leavesOf(readFileSync(join(corpus, file)));
    converted.messages.forEach(({ report, refusal }, index) => {
      if (report === undefined || refusal !== undefined) return;
      const accounted = report.mapped + report.droppedCount + report.unmappedCount;
      leaves += accounted;
      unmapped += report.unmappedCount;
      const expected = counted?.[index];
      if (expected !== undefined && expected !== accounted)
        wrong.push(`${file}: message ${index + 1} has ${expected} leaves, ${accounted} are accounted for`);
      for (const path of report.unmapped) {
        const place = path.replaceAll(/\[\d+\]/g, '');
        places.set(place, (places.get(place) ?? 0) + 1);
      }
    });
  }
  const without = files.flatMap(({ file, converted }) =>
    converted.messages.flatMap(({ refusal, type }) =>
      refusal?.code === 'MAPPING_NONE' ? [`${file}: ${type}`] : [],
    ),
  );
  const share = (unmapped * ALL) / leaves;
  const most = [...places].sort((a, b) => b[1] - a[1]).map(([place, count]) => `${place} ${count} times`);
  return [
    {
      name: 'leaves unmapped, of messages with a map',
      value: `${share.toFixed(2)} % of ${leaves}`,
      goal: `<= ${UNMAPPED_GOAL} %`,
      reached: share <= UNMAPPED_GOAL,
      details: most,
    },
    {
      name: 'messages whose account is not complete',
      value: String(wrong.length),
      goal: 'none',
      reached: wrong.length === 0,
      details: wrong,
    },
    {
      name: 'messages without a map',
      value: String(without.length),
      goal: '',
      reached: true,
      details: without,
    },
  ];
}

function hardFileFigure(corpus: string, files: readonly ConvertedCorpusFile[]): Figure {
  const { checked, wrong } = wrongHardFiles(corpus, files);
  const bad = new Set(wrong.map((line) => line.slice(0, line.indexOf(':')))).size;
  return {
    name: 'hard files as their facts say',
    value: `${checked - bad} of ${checked}`,
    goal: 'all',
    reached: bad === 0 && checked > 0,
    details: wrong,
  };
}

/** Once more in this process in the other order, and once in another process. */
function sameBytesFigure(
  corpus: string,
  names: readonly string[],
  set: MappingSet,
  files: readonly ConvertedCorpusFile[],
): Figure {
  const first = digestOf(files);
  const again = digestOf(names.toReversed().map((name) => convertCorpusFile(corpus, name, set)));
  const child = fileURLToPath(new URL('./digest-process.js', import.meta.url));
  const other = spawnSync(process.execPath, [child, corpus], { encoding: 'utf8' }).stdout.trim();
  return {
    name: 'the same bytes on every run',
    value: `${first === again ? 'same' : 'OTHER'} in the other order, ${first === other ? 'same' : 'OTHER'} in another process`,
    goal: 'same',
    reached: first === again && first === other,
    details: [first, again, other],
  };
}

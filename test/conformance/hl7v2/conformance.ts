import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutateMappings } from '#mapping';
import { repositoryRoot } from '../../load/bench-messages.js';
import {
  cleanFigure,
  dropFigure,
  keptFigure,
  placedFigure,
  sameBytesFigure,
  scoresOf,
} from '../corpus-figures.js';
import { type ConvertedCorpusFile, convertedCorpus } from '../corpus-files.js';
import type { Figure } from '../figure.js';
import { wrongHardFiles } from './hard-files.js';
import { leavesOf } from './leaves.js';

/** Whose messages are scored. */
const SCORED_FOLDERS = ['microsoft', 'reportstream', 'trusted-intermediary', 'google'];
const KEPT_GOAL = 95;
const PLACED_GOAL = 92;
const UNMAPPED_GOAL = 3;
const ALL = 100;

/** The figures over ../shared/corpus/hl7v2; undefined where it is not. */
export function conformanceOfHl7v2(): Figure[] | undefined {
  const found = convertedCorpus('hl7v2');
  if (!found) return undefined;
  const { corpus, scorer, set, names, files } = found;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  say('scoring ...');
  const scores = scoresOf(scorer, corpus, files, SCORED_FOLDERS);
  const figures = [
    keptFigure(scores, KEPT_GOAL),
    placedFigure(
      scores,
      PLACED_GOAL,
      `${inBundles(files)} more stand where the tables want them, in the Bundle's identifier (MSH-10), which the scorer does not look at`,
    ),
    cleanFigure(scores),
    ...accountFigures(corpus, files),
    dropFigure(files),
    hardFileFigure(corpus, files),
    sameBytesFigure('hl7v2', corpus, names, set, files),
  ];
  say('taking rules away ...');
  figures.push(unguardedRulesFigure());
  return figures;
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

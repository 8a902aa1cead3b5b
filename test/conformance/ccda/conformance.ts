import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from '#cda';
import { cleanFigure, dropFigure, keptFigure, sameBytesFigure, scoresOf } from '../corpus-figures.js';
import { type ConvertedCorpusFile, convertedCorpus } from '../corpus-files.js';
import type { Figure } from '../figure.js';
import { documentCost } from './document-cost.js';
import { divWords, narrativeWords } from './narrative-words.js';

const SCORED_FOLDERS = ['hl7-c-cda-examples', 'microsoft', 'nurra', 'phdi-eicr', 'sample_ccdas'];
const KEPT_GOAL = 90;
const WORDS_GOAL = 98;
/** Milliseconds of CPU for 100 kB. */
const COST_GOAL = 5;
const ALL = 100;

/** The figures over ../shared/corpus/ccda; undefined where it is not. */
export function conformanceOfCcda(): Figure[] | undefined {
  const found = convertedCorpus('ccda');
  if (!found) return undefined;
  const { corpus, scorer, set, names, files } = found;
  const say = (text: string) => process.stderr.write(`${text}\n`);
  say('scoring ...');
  const scores = scoresOf(scorer, corpus, files, SCORED_FOLDERS);
  return [
    refusalFigure(files),
    keptFigure(scores, KEPT_GOAL),
    cleanFigure(scores),
    wordsFigure(corpus, files),
    ...accountFigures(corpus, files),
    dropFigure(files),
    errorFigure(files),
    sameBytesFigure('ccda', corpus, names, set, files),
    costFigure(corpus, names, set),
  ];
}

/** The only documents without a bundle are malformed XML. */
function refusalFigure(files: readonly ConvertedCorpusFile[]): Figure {
  const refused = files.flatMap(({ file, converted: { bundle, messages } }) => {
    if (bundle !== undefined) return [];
    const [{ refusal } = { refusal: undefined }] = messages;
    return [{ file, code: refusal?.code ?? 'nothing was mapped', message: refusal?.message ?? '' }];
  });
  const other = refused.filter(({ code }) => code !== 'CDA_MALFORMED');
  return {
    name: 'documents converted',
    value: `${files.length - refused.length} of ${files.length}, ${refused.length - other.length} malformed`,
    goal: 'all but malformed',
    reached: other.length === 0,
    details: refused.map(({ file, code, message }) => `${file}: ${code} ${message}`),
    whole: true,
  };
}

/** Of the words that people read in the sections, how many can still be read. */
function wordsFigure(corpus: string, files: readonly ConvertedCorpusFile[]): Figure {
  let all = 0;
  let kept = 0;
  const lost: { file: string; share: number; words: string[] }[] = [];
  for (const { file, converted } of files) {
    if (converted.messages[0]?.refusal !== undefined) continue;
    const found = divWords(converted.bundle);
    let wanted = 0;
    let here = 0;
    const missing: string[] = [];
    for (const [word, times] of narrativeWords(readFileSync(join(corpus, file), 'utf8'))) {
      const again = Math.min(times, found.get(word) ?? 0);
      wanted += times;
      here += again;
      if (again < times) missing.push(word);
    }
    all += wanted;
    kept += here;
    if (here < wanted) lost.push({ file, share: (here * ALL) / wanted, words: missing.slice(0, 8) });
  }
  const share = (kept * ALL) / all;
  return {
    name: 'words of the narratives kept',
    value: `${share.toFixed(2)} % of ${all}`,
    goal: `>= ${WORDS_GOAL} %`,
    reached: share >= WORDS_GOAL,
    details: lost
      .toSorted((a, b) => a.share - b.share)
      .map((one) => `${one.file}: ${one.share.toFixed(1)} %, not: ${one.words.join(' ')}`),
  };
}

function accountFigures(corpus: string, files: readonly ConvertedCorpusFile[]): Figure[] {
  let leaves = 0;
  let unmapped = 0;
  const wrong: string[] = [];
  const places = new Map<string, number>();
  for (const { file, converted } of files) {
    const report = converted.messages[0]?.report;
    if (report === undefined) continue;
    const accounted = report.mapped + report.droppedCount + report.unmappedCount;
    leaves += accounted;
    unmapped += report.unmappedCount;
    let expected = 0;
    parseDocument(readFileSync(join(corpus, file))).eachLeaf(() => expected++);
    if (expected !== accounted) wrong.push(`${file}: ${expected} leaves, ${accounted} are accounted for`);
    for (const path of report.unmapped) {
      const place = path.replaceAll(/\[\d+\]/g, '').replace(/^.*section\//, '');
      places.set(place, (places.get(place) ?? 0) + 1);
    }
  }
  return [
    {
      name: 'leaves unmapped',
      value: `${((unmapped * ALL) / leaves).toFixed(2)} % of ${leaves}`,
      goal: '',
      reached: true,
      details: [...places].sort((a, b) => b[1] - a[1]).map(([place, count]) => `${place} ${count} times`),
    },
    {
      name: 'documents whose account is not complete',
      value: String(wrong.length),
      goal: 'none',
      reached: wrong.length === 0,
      details: wrong,
    },
  ];
}

/** What was refused or left out inside documents that were converted. */
function errorFigure(files: readonly ConvertedCorpusFile[]): Figure {
  const counts = new Map<string, number>();
  for (const { converted } of files)
    for (const { code, rule, message } of converted.messages[0]?.report?.errors ?? []) {
      const text = `${code} ${rule}: ${message}`;
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  const all = [...counts.values()].reduce((sum, one) => sum + one, 0);
  return {
    name: 'lines of reports',
    value: `${all} of ${counts.size} kinds`,
    goal: '',
    reached: true,
    details: [...counts].sort((a, b) => b[1] - a[1]).map(([text, count]) => `${count} times  ${text}`),
  };
}

function costFigure(
  corpus: string,
  names: readonly string[],
  set: Parameters<typeof documentCost>[2],
): Figure {
  const { documents, converting, parsing } = documentCost(corpus, names, set);
  return {
    name: 'CPU for a document of 100 kB',
    value: `${converting.toFixed(1)} ms, parsing alone ${parsing.toFixed(1)}`,
    goal: `<= ${COST_GOAL} ms`,
    reached: converting <= COST_GOAL,
    details: [`over ${documents} documents of 50 to 250 kB, from bytes to the bytes of all resources`],
  };
}

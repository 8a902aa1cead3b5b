import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MappingSet } from '#mapping';
import { dropFigure, sameBytesFigure } from '../corpus-figures.js';
import { type ConvertedCorpusFile, convertedCorpus } from '../corpus-files.js';
import type { Figure } from '../figure.js';
import { cellsOf, valuedCells } from './cells.js';
import { wrongHardFiles } from './hard-files.js';
import { keptFigures } from './kept.js';

const ALL = 100;

/** The figures over ../shared/corpus/csv; undefined where it is not. */
export function conformanceOfCsv(): Figure[] | undefined {
  const found = convertedCorpus('csv');
  if (!found) return undefined;
  const { corpus, scorer, set, names, files } = found;
  return [
    ...keptFigures({ corpus, scorer, files, set }),
    ...accountFigures(corpus, files, set),
    mapFigure(files),
    dropFigure(files),
    hardFileFigure(corpus, files),
    sameBytesFigure('csv', corpus, names, set, files),
  ];
}

function accountFigures(corpus: string, files: readonly ConvertedCorpusFile[], set: MappingSet): Figure[] {
  const wrong: string[] = [];
  const places = new Map<string, number>();
  let cells = 0;
  let inMaps = 0;
  let unmapped = 0;
  for (const { file, converted } of files) {
    let accounted = 0;
    for (const { map, report } of converted.messages) {
      if (!report) continue;
      const sum = report.mapped + report.droppedCount + report.unmappedCount;
      accounted += sum;
      if (map === undefined) continue;
      inMaps += sum;
      unmapped += report.unmappedCount;
      for (const path of report.unmapped) {
        const place = `${map} ${path.slice(path.indexOf('.') + 1)}`;
        places.set(place, (places.get(place) ?? 0) + 1);
      }
    }
    cells += accounted;
    const layout = set.layouts.find(({ name }) => name === converted.rows?.findings?.layout);
    const read = cellsOf(readFileSync(join(corpus, file)), converted);
    const counted = read && valuedCells(read, layout?.nulls ?? []);
    if (counted !== undefined && counted !== accounted)
      wrong.push(`${file}: ${counted} cells, ${accounted} are accounted for`);
  }
  return [
    {
      name: 'files of which a cell is not accounted for',
      value: `${wrong.length} of ${files.length}, ${cells} cells`,
      goal: 'none',
      reached: wrong.length === 0 && cells > 0,
      details: wrong,
    },
    {
      name: 'cells unmapped, of files with a map',
      value: `${((unmapped * ALL) / inMaps).toFixed(2)} % of ${inMaps}`,
      goal: '',
      reached: true,
      details: [...places].sort((a, b) => b[1] - a[1]).map(([place, count]) => `${place} ${count} times`),
    },
  ];
}

/** Layouts that nobody wrote a map for: `suture infer` drafts one. */
function mapFigure(files: readonly ConvertedCorpusFile[]): Figure {
  const without = files.filter(({ converted }) => converted.messages.every(({ map }) => map === undefined));
  return {
    name: 'files without a map',
    value: `${without.length} of ${files.length}`,
    goal: '',
    reached: true,
    details: without.map(({ file, converted }) => `${file}: ${converted.rows?.findings?.cells ?? 0} columns`),
  };
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

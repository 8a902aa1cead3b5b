import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MappingSet } from '#mapping';
import { cleanFigure, keptFigure, scoresOf } from '../corpus-figures.js';
import type { ConvertedCorpusFile } from '../corpus-files.js';
import type { Figure } from '../figure.js';
import { cellsOf } from './cells.js';
import { copyForScorer } from './scorer-copy.js';

const FOLDERS = [
  'ugly',
  'linuxforhealth',
  'reportstream/input',
  'reportstream/csv-to-hl7',
  'reportstream/hl7-to-csv',
];
const GOAL = 90;

/** Files that hold no clinical rows, and what they are. */
const NO_CLINICAL_ROWS: Readonly<Record<string, string>> = {
  'linuxforhealth/tests__resources__csv__patient-lastnames.csv': 'a list to look a name up by a number',
  'linuxforhealth/tests__resources__data-contract__sex.csv': 'a list of codes',
  'linuxforhealth/tests__resources__data-contract__zip_states.csv': 'a list of codes',
  'reportstream/input/column-headers-only.csv': 'a header alone',
  'reportstream/input/too-many-columns.csv': 'hostile: 2,011 columns that mean nothing',
  'reportstream/input/too-much-data.csv': 'hostile: its only row does not fit the header and is refused',
};

const REPEATED = 'reportstream/input/1001-lines.csv';

/** The facts tell the order of day and month of one file that does not show it. */
const DAY_FIRST = 'ugly/lab-wide.csv';

interface Corpus {
  readonly corpus: string;
  readonly scorer: string;
  readonly files: readonly ConvertedCorpusFile[];
  readonly set: MappingSet;
}

/** What the scorer finds again of the cells, of those it can read and of the files as they are; and whether all of it is valid R4. */
export function keptFigures({ corpus, scorer, files, set }: Corpus): Figure[] {
  const clinical = files.filter(({ file }) => !(file in NO_CLINICAL_ROWS));
  const directory = mkdtempSync(join(tmpdir(), 'suture-cells-'));
  try {
    const asTheyAre: string[] = [];
    const copies = clinical.map((one) => {
      // The scorer takes only .csv for CSV.
      const file = one.file.replace(/\.tsv$/, '.csv');
      const bytes = readFileSync(join(corpus, one.file));
      const copy = copyOf(bytes, one, set);
      if (copy === undefined) asTheyAre.push(one.file);
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), copy ?? bytes);
      return { ...one, file };
    });
    const scores = scoresOf(scorer, directory, copies, FOLDERS);
    const figure = keptFigure(scores, GOAL);
    const alone = copies.filter(({ file }) => file !== REPEATED);
    const others = keptFigure(scoresOf(scorer, directory, alone, FOLDERS), GOAL);
    const original = keptFigure(scoresOf(scorer, corpus, clinical, FOLDERS), 0);
    const refused = clinical.reduce((sum, { converted }) => sum + (converted.rows?.badRows ?? 0), 0);
    const details = [
      ...figure.details,
      `without ${REPEATED}, whose 999 rows repeat seven: ${others.value}`,
      `the scorer reads the cells from a copy by another reader: UTF-8, commas, moments as HL7 has them; as it is: ${asTheyAre.join(', ')}`,
      `${refused} refused rows are no part of the copies; codes that become others (sex, status) and serial numbers of Excel count as lost`,
      ...Object.entries(NO_CLINICAL_ROWS).map(([file, what]) => `left out: ${file}: ${what}`),
    ];
    return [
      { ...figure, reached: figure.reached && others.reached, details },
      { ...original, name: 'the same, of the files as they are', goal: '' },
      cleanFigure(scores),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function copyOf(
  bytes: Buffer,
  { file, converted }: ConvertedCorpusFile,
  { layouts }: MappingSet,
): string | undefined {
  const read = cellsOf(bytes, converted);
  const layout = layouts.find(({ name }) => name === converted.rows?.findings?.layout);
  const order = file === DAY_FIRST ? 'day first' : 'month first';
  return read && copyForScorer(read, layout?.nulls ?? [], order);
}

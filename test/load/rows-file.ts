import { closeSync, openSync, writeSync } from 'node:fs';
import { analyses, families, givens, randomNumbers } from './laboratory.js';

/** What a file of rows should be like. */
export interface RowsFileOptions {
  readonly bytes: number;
  /** Choices come from it: equal seeds, equal files. */
  readonly seed: number;
}

/** What stands in it. */
export interface RowsFile {
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  readonly badRows: number;
  /** Groups of adjacent good rows of one patient: as many messages. */
  readonly groups: number;
  /** Different ones. */
  readonly patients: number;
}

const header =
  'patient_id,patient_name,birth_date,sex,loinc,test,result,unit,flag,collected,status,reference_range,accession,lab_name,provider_npi,provider_family,provider_given\n';
const pieceCharacters = 1 << 20;
/** One group in so many holds a row that is none. */
const badEvery = 500;
/** One group in so many is of a patient who came before, anywhere in the file. */
const returnEvery = 5;
const physicians = ['Okafor,Ngozi', 'Weber,Otto', 'Rossi,Paola', 'Lind,Karin', 'Mensah,Kofi'];

/**
 * Writes a file of laboratory results as CSV, a result in a row, for the map csv.labs: the panel of a patient in adjacent rows,
 * patients who come again far away, and now and then a row without all of its cells.
 */
export function writeRowsFile(path: string, { bytes, seed }: RowsFileOptions): RowsFile {
  const next = randomNumbers(seed);
  const file = openSync(path, 'w');
  const counts = { bytes: 0, rows: 0, badRows: 0, groups: 0, patients: 0 };
  let piece = header;
  let last = -1;
  const flush = () => {
    counts.bytes += writeSync(file, Buffer.from(piece, 'latin1'));
    piece = '';
  };
  while (counts.bytes + piece.length < bytes) {
    const isReturn = counts.patients > 1 && next(returnEvery) === 0;
    let patient = isReturn ? next(counts.patients) : counts.patients++;
    // Adjacent panels of one patient would be one group.
    if (patient === last) patient = (patient + 1) % counts.patients;
    last = patient;
    piece += panelOf(patient, counts.groups++, next);
    counts.rows += analyses.length;
    // Behind the group, so that it divides none.
    if (next(badEvery) === 0) {
      piece += `${patientId(patient)},broken off\n`;
      counts.rows++;
      counts.badRows++;
    }
    if (piece.length >= pieceCharacters) flush();
  }
  flush();
  closeSync(file);
  return { path, ...counts };
}

function patientId(patient: number): string {
  return `MR${100_000 + patient}`;
}

function panelOf(patient: number, group: number, next: (below: number) => number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const who = `${patientId(patient)},"${families[patient % 8]}, ${givens[(patient >> 3) % 8]}",19${two(30 + (patient % 70))}-01-10,F`;
  const when = `2025-${two(1 + next(12))}-${two(1 + next(28))}T${two(next(24))}:${two(next(60))}:00Z`;
  const physician = patient % physicians.length;
  const by = `A${group},General Lab,${1_234_567_890 + physician},${physicians[physician]}`;
  return analyses
    .map(
      ([code, name, unit, range]) =>
        `${who},${code},${name},${next(2_000) / 10},${unit},${next(5) === 0 ? 'H' : 'N'},${when},final,${range},${by}\n`,
    )
    .join('');
}

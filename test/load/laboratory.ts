/** How often a laboratory sees the same patient again. */
export interface LaboratoryOptions {
  readonly count: number;
  /** Messages go round these patients; each has one visit. */
  readonly patients: number;
  /** Choices come from it: equal seeds, equal messages. */
  readonly seed: number;
}

/** Code of LOINC, name, unit, reference range. */
export const analyses = [
  ['2345-7', 'Glucose', 'mg/dL', '70-99'],
  ['3094-0', 'Urea nitrogen', 'mg/dL', '7-20'],
  ['2160-0', 'Creatinine', 'mg/dL', '0.7-1.3'],
  ['17861-6', 'Calcium', 'mg/dL', '8.5-10.5'],
  ['2951-2', 'Sodium', 'mmol/L', '136-145'],
  ['2823-3', 'Potassium', 'mmol/L', '3.5-5.1'],
  ['2075-0', 'Chloride', 'mmol/L', '98-107'],
  ['2028-9', 'Carbon dioxide', 'mmol/L', '22-29'],
  ['2885-2', 'Protein', 'g/dL', '6.0-8.3'],
  ['1751-7', 'Albumin', 'g/dL', '4.2-5.4'],
  ['1975-2', 'Bilirubin total', 'mg/dL', '0.1-1.2'],
] as const;
export const families = [
  'Larkin',
  'Abara',
  'Moretti',
  'Sundqvist',
  'Haddad',
  'Kowalski',
  'Nakamura',
  'Brandt',
];
export const givens = ['Thomas', 'Ines', 'Priya', 'Jonas', 'Leila', 'Marek', 'Yuki', 'Clara'];
const physicians = ['Okafor^Ngozi', 'Weber^Otto', 'Rossi^Paola', 'Lind^Karin', 'Mensah^Kofi'];

/**
 * Results of a laboratory as it sends them: ORU^R01 of some 1.5 kB, each with an order number, times and values of its own,
 * of patients, physicians and tests that come again.
 */
export function laboratoryMessages({ count, patients, seed }: LaboratoryOptions): Buffer[] {
  const next = randomNumbers(seed);
  return Array.from({ length: count }, (_, n) => Buffer.from(message(n, n % patients, next), 'latin1'));
}

function message(n: number, patient: number, next: (below: number) => number): string {
  const id = 100_000 + patient;
  const [family, given] = [families[patient % 8], givens[(patient >> 3) % 8]];
  const physician = patient % physicians.length;
  const doctor = `${1_234_567_890 + physician}^${physicians[physician]}^^^Dr.`;
  const day = `202503${two(1 + next(28))}`;
  const at = (hour: number) => `${day}${two(hour)}${two(next(60))}${two(next(60))}`;
  const analysed = at(9);
  const order = `ORD${id}${n}^HIS|LAB${id}${n}^LABSYS`;
  const flags = ['', '', '', 'H', 'L'];
  return [
    `MSH|^~\\&|LABSYS|GENLAB|ENGINE|HUB|${at(10)}||ORU^R01^ORU_R01|L${n}|P|2.5.1|||AL|NE|USA|UTF-8`,
    `PID|1||MR${id}^^^GENHOSP^MR||${family}^${given}^Q||19${two(30 + (patient % 70))}0110|M|||${id} Larch St^^Springfield^IL^62704^USA`,
    `PV1|1|I|W${patient % 9}^312^B^GENHOSP||||${doctor}|||||||||||IP|V${id}^^^GENHOSP^VN`,
    `ORC|RE|${order}||CM||||${at(7)}|||${doctor}`,
    `OBR|1|${order}|24323-8^Comprehensive metabolic panel^LN|||${at(8)}|||||||${at(8)}|SER^Serum|${doctor}||||||${at(9)}||CH|F`,
    ...analyses.map(
      ([code, name, unit, range], i) =>
        `OBX|${i + 1}|NM|${code}^${name}^LN||${next(2_000) / 10}|${unit}|${range}|${flags[next(5)]}|||F|||${analysed}|GENLAB^General Lab`,
    ),
    'NTE|1|L|Specimen slightly hemolyzed, results verified by repeat.',
    '',
  ].join('\r');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** mulberry32: numbers below a bound, the same for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

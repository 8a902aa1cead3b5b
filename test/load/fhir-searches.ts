import {
  benchCode,
  benchInstant,
  identifierSystem,
  patientId,
  patientIdentifier,
  rareFamily,
} from './fhir-resources.js';
import { CONNECTIONS, type FhirStage, figure, figuresOf, type Measured } from './fhir-stage.js';
import type { Figure } from './figure.js';
import type { HttpLoad } from './http-load.js';

/** Each kind is asked in so many rounds, of few and of many patients in turns: what the machine does besides meets both. */
const ROUNDS = 5;
const SEARCHES = 600;

/** Searches that a few resources answer, among all patients there are: each by another kind of parameter. */
const kinds: Readonly<Record<string, (n: number) => string>> = {
  identifier: (n) => `Patient?identifier=${identifierSystem}|${patientIdentifier(n)}`,
  patient: (n) => `Observation?patient=Patient/${patientId(n)}`,
  'code and patient': (n) =>
    `Observation?code=http://loinc.org|${benchCode(n)}&patient=Patient/${patientId(n)}`,
  'code and date': (n) => `Observation?code=${benchCode(n)}&date=${benchInstant(n).slice(0, 16)}Z`,
  date: (n) =>
    `Observation?date=ge${benchInstant(n).slice(0, 13)}:00Z&date=lt${benchInstant(n).slice(0, 13)}:59Z`,
  'family name, exact': (n) => `Patient?family:exact=${rareFamily(n)}`,
  'family name, its beginning': (n) => `Patient?family=${rareFamily(n).slice(0, 6).toLowerCase()}`,
  'value in another unit': () =>
    'Observation?value-quantity=gt5000|http://unitsofmeasure.org|umol/L&_count=10',
  'code and rare value': () => 'Observation?code-value-quantity=2823-3$gt12&_count=10',
  chain: (n) => `Observation?patient.identifier=${identifierSystem}|${patientIdentifier(n)}`,
  _has: (n) => `Patient?_has:Observation:patient:identifier=R${n}`,
  _id: (n) => `Patient?_id=${patientId(n)}`,
  'last change, newest first': () => 'Patient?_lastUpdated=ge2020&_sort=-_lastUpdated&_count=10',
};

/** Each kind of search among few and among many patients; what it answers is of the same size. */
export async function searchFigures(
  few: FhirStage,
  many: FhirStage,
  say: (text: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const ratios: Figure[] = [];
  for (const [name, query] of Object.entries(kinds)) {
    say(`search by ${name} ...`);
    const asked = (stage: FhirStage, round: number): HttpLoad => ({
      connections: CONNECTIONS,
      count: SEARCHES,
      ask: (n) => ({ method: 'GET', path: `/fhir/${query(stage.scattered(round * SEARCHES + n))}` }),
    });
    for (const stage of [few, many]) await stage.load(asked(stage, ROUNDS));
    const rounds: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      rounds[0].push(await few.measured(asked(few, round)));
      rounds[1].push(await many.measured(asked(many, round)));
    }
    const [before, after] = [medians(rounds[0]), medians(rounds[1])];
    figures.push(
      ...figuresOf(`search by ${name}, ${few.patients} patients`, before, CONNECTIONS),
      ...figuresOf(`search by ${name}, ${many.patients} patients`, after, CONNECTIONS),
    );
    const cpu = (of: Measured): number => of.engineMicros + of.databaseMicros;
    const times = (value: (of: Measured) => number): string => (value(after) / value(before)).toFixed(2);
    const note = `p50 ${times(({ p50Ms }) => p50Ms)} times, CPU ${times(cpu)} times; goal: p99 at most 1.5 from 1,000 to 100,000`;
    const title = `search by ${name}: p99 among ${many.patients} over ${few.patients}`;
    ratios.push(figure(title, after.p99Ms / before.p99Ms, 'times', note));
  }
  return [...figures, ...ratios];
}

/** Of each value the median of the rounds. */
function medians(rounds: readonly Measured[]): Measured {
  const middle = (value: (of: Measured) => number): number =>
    rounds.map(value).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
  return {
    perSecond: middle((one) => one.perSecond),
    p50Ms: middle((one) => one.p50Ms),
    p99Ms: middle((one) => one.p99Ms),
    engineMicros: middle((one) => one.engineMicros),
    databaseMicros: middle((one) => one.databaseMicros),
    seconds: middle((one) => one.seconds),
    failed: 0,
  };
}

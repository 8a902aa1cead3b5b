/** Resources of the size that registries and laboratories send; every one can be told by its number. All names are made up. */
type Json = Record<string, unknown>;

export const identifierSystem = 'urn:oid:2.999.1.4';

const families = [
  'Achterberg',
  'Brouwer',
  'Castellanos',
  'Dvořák',
  'Eriksson',
  'Fonseca',
  'Grünwald',
  'Haugen',
];
const syllables = [...'bdfghklmnprstv'].flatMap((one) => [...'aeiou'].map((vowel) => one + vowel));
const givens = [
  'Anna',
  'Bo',
  'Clara',
  'Daan',
  'Elif',
  'Femke',
  'Gustav',
  'Hanna',
  'Ivo',
  'Jana',
  'Kai',
  'Lotte',
];
const cities = ['Norddorf', 'Süderhaven', 'Ostwijk', 'Vestby'];
const analytes = [
  ['718-7', 'Hemoglobin [Mass/volume] in Blood', 'g/dL', 12, 16],
  ['2951-2', 'Sodium [Moles/volume] in Serum or Plasma', 'mmol/L', 136, 145],
  ['2823-3', 'Potassium [Moles/volume] in Serum or Plasma', 'mmol/L', 3.5, 5.1],
  ['2345-7', 'Glucose [Mass/volume] in Serum or Plasma', 'mg/dL', 70, 99],
  ['6690-2', 'Leukocytes [#/volume] in Blood by Automated count', '10*3/uL', 4.5, 11],
] as const;

function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}

/** A family name that nobody else of 343,000 has, told by its first six letters. */
export function rareFamily(n: number): string {
  const at = n * 7_919;
  const name = [at, Math.floor(at / 70), Math.floor(at / 4_900), n]
    .map((one) => pick(syllables, one))
    .join('');
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Minutes from 2000 on, far apart for numbers that follow each other: about 11 of 100,000 on a day. */
export function benchInstant(n: number): string {
  return new Date(Date.UTC(2000, 0, 1) + ((n * 7_919) % 13_000_000) * 60_000).toISOString();
}

/** Ten of the first thousand are critical, and no others. */
const isCritical = (n: number): boolean => n < 1_000 && n % 100 === 2;

const two = (n: number) => String(n).padStart(2, '0');

export function patientIdentifier(n: number): string {
  return `MRN${String(n).padStart(8, '0')}`;
}

/** The code of the Observation with a number. */
export function benchCode(n: number): string {
  return pick(analytes, n)[0];
}

export function benchPatient(n: number): Json {
  const family = pick(families, Math.floor(n / 3));
  return {
    resourceType: 'Patient',
    identifier: [
      {
        use: 'official',
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
        system: identifierSystem,
        value: patientIdentifier(n),
      },
      { system: 'urn:oid:2.999.1.5', value: `N${n * 7 + 1}` },
    ],
    active: true,
    name: [
      { use: 'official', family, given: [pick(givens, n), pick(givens, n * 5 + 2)] },
      { use: 'maiden', family: rareFamily(n) },
    ],
    telecom: [
      { system: 'phone', value: `+49 555 ${100_000 + n}`, use: 'home' },
      { system: 'email', value: `patient${n}@example.org` },
    ],
    gender: pick(['female', 'male'], n),
    birthDate: `${1930 + (n % 90)}-${two(1 + (n % 12))}-${two(1 + (n % 28))}`,
    address: [
      {
        use: 'home',
        line: [`${1 + (n % 200)} Harbour Street`],
        city: pick(cities, n),
        postalCode: String(10_000 + (n % 9_000)),
        country: 'DE',
      },
    ],
    contact: [
      {
        relationship: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0131', code: 'N' }] }],
        name: { family, given: [pick(givens, n + 4)] },
        telecom: [{ system: 'phone', value: `+49 555 ${200_000 + n}` }],
      },
    ],
  };
}

export function benchObservation(n: number, patient: string): Json {
  const [code, display, unit, low, high] = pick(analytes, n);
  const at = benchInstant(n);
  const value = isCritical(n)
    ? high * 3
    : Math.round((low + ((n * 37) % 100) * 0.02 * (high - low)) * 10) / 10;
  const quantity = (number: number) => ({
    value: number,
    unit,
    system: 'http://unitsofmeasure.org',
    code: unit,
  });
  return {
    resourceType: 'Observation',
    identifier: [{ system: 'urn:oid:2.999.1.6', value: `R${n}` }],
    status: 'final',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/observation-category',
            code: 'laboratory',
            display: 'Laboratory',
          },
        ],
      },
    ],
    code: { coding: [{ system: 'http://loinc.org', code, display }], text: display },
    subject: { reference: patient },
    effectiveDateTime: at,
    issued: at,
    valueQuantity: quantity(value),
    interpretation: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
            code: 'N',
            display: 'Normal',
          },
        ],
      },
    ],
    referenceRange: [{ low: quantity(low), high: quantity(high), text: `${low} - ${high} ${unit}` }],
  };
}

/** A transaction of `size` resources that name each other: a Patient, then nine of its Observations, and so on. */
export function importBundle(first: number, size: number): string {
  let patient = '';
  const entries = Array.from({ length: size }, (_, index) => {
    const n = first + index;
    const fullUrl = `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const isPatient = index % 10 === 0;
    if (isPatient) patient = fullUrl;
    const resource = isPatient ? benchPatient(n) : benchObservation(n, patient);
    return { fullUrl, resource, request: { method: 'POST', url: resource['resourceType'] } };
  });
  return bundle(entries);
}

/** A transaction that puts the Patients from `from` to `to` (not included) and an Observation of each, under known ids. */
export function populationBundle(from: number, to: number): string {
  const entries: unknown[] = [];
  for (let n = from; n < to; n++) {
    const [patient, observation] = [`Patient/${patientId(n)}`, `Observation/o${n}`];
    entries.push(
      { resource: { ...benchPatient(n), id: patientId(n) }, request: { method: 'PUT', url: patient } },
      {
        resource: { ...benchObservation(n, patient), id: `o${n}` },
        request: { method: 'PUT', url: observation },
      },
    );
  }
  return bundle(entries);
}

export function patientId(n: number): string {
  return `p${n}`;
}

function bundle(entry: readonly unknown[]): string {
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
}

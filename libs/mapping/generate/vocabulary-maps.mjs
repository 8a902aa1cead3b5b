// The official vocabulary maps against our code tables.
//   node libs/mapping/generate/vocabulary-maps.mjs [--json] [--tables DIR]     compares
//   node libs/mapping/generate/vocabulary-maps.mjs --draft Religion            writes a code table to stdout
// A row of a table that says something else than the official one has its reason in the column note. A code that is
// mapped to itself in the code system of its HL7 table needs no row: conversions name that system by themselves.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './official/our-rules.mjs';
import { csvLine, parseCsv, readConceptTables } from './official/read-official.mjs';

const words = process.argv.slice(2);
const after = (word) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
const tablesDir = after('--tables') ?? join(root, '../shared/v2-to-fhir');

/** Our table for each official map that says more than "the same code". */
const ours = {
  'AddressType[Type]': 'address-type',
  'AddressType[Use]': 'address-use',
  AdministrativeSex: 'administrative-gender',
  'AllergenType[AllergyIntoleranceCategory]': 'allergy-category',
  'AllergySeverity[AllergyIntolerance.criticality]': 'allergy-criticality',
  'AllergySeverity[AllergyIntolerance.reaction.severity]': 'reaction-severity',
  AllergyType: 'allergy-type',
  CompletionStatus: 'immunization-status',
  DiagnosisType: 'diagnosis-role',
  'Event[EncounterStatus]': 'encounter-status-by-event',
  ExtendedPriorityCodes: 'request-priority',
  'FillerStatusCodes[Appointment]': 'appointment-status',
  InterpretationCodes: 'interpretation',
  MaritalStatus: 'marital-status',
  NameType: 'name-use',
  ObservationResultStatusCodesInterpretation: 'observation-status',
  'OrderControlCode[ServiceRequest.status]': 'order-control',
  OrderStatus: 'order-status',
  'PatientClass[EncounterClass]': 'encounter-class',
  'PatientClass[EncounterStatus]': 'encounter-status-by-class',
  Relationship: 'relationship',
  Religion: 'religion',
  'ResultStatus[Non-Queries]': 'report-status',
  RouteOfAdministration: 'route',
  TelecommunicationEquipmentType: 'telecom-system',
  TelecommunicationUseCode: 'telecom-use',
  YesNoIndicator: 'yes-no',
  'YesNoIndicator[AvailabilityStatus]': 'specimen-availability',
};

/** Codes that have no row on purpose. */
const withoutRow = {
  // An update says nothing of the status; the class of the patient does.
  'Event[EncounterStatus]': ['A08'],
};

const tableSystem = (system) =>
  `http://terminology.hl7.org/CodeSystem/v2-${system.replace(/^HL7-?/, '').padStart(4, '0')}`;
const sameCode = ({ from, to, system, toSystem }) =>
  from === to && (toSystem === '' || toSystem === tableSystem(system));

/** Rows that say something: a target, and another one than the code itself. */
const meant = ({ rows }) => rows.filter((row) => row.to !== '' && !sameCode(row));

function draft(name) {
  const table = readConceptTables(tablesDir).find((one) => one.name === name);
  if (!table) throw new Error(`no official map ${name}`);
  const system = table.rows[0]?.system ?? '';
  const lines = meant(table).map(({ from, to, toSystem, display, condition }) =>
    csvLine([from, system, to, toSystem, display, condition]),
  );
  return ['from,system,to,toSystem,display,note', ...lines, `*,${system},(none),,,`, ''].join('\n');
}

function ourRows(name) {
  const path = join(root, 'mappings/tables', `${name}.csv`);
  if (!existsSync(path)) return undefined;
  return new Map(parseCsv(readFileSync(path, 'utf8')).map((cells) => [cells[0], cells]));
}

function compare(table) {
  const rows = meant(table);
  const file = ours[table.name];
  const found = file === undefined ? undefined : ourRows(file);
  if (!found) return { name: table.name, rows: rows.length, open: [] };
  const open = [];
  for (const { from, to, toSystem, condition } of rows) {
    if (withoutRow[table.name]?.includes(from)) continue;
    const row = found.get(from) ?? found.get(from.toUpperCase());
    const same = row?.[2] === to && (row[3] === '' || toSystem === '' || row[3] === toSystem);
    if (!same && !row?.[5] && condition === '') open.push({ from, official: to, ours: row?.[2] ?? '' });
  }
  return { name: table.name, rows: rows.length, file, open };
}

function main() {
  if (!existsSync(tablesDir)) {
    process.stderr.write(`the official tables are not there: ${tablesDir}\n`);
    process.exitCode = 2;
    return;
  }
  const name = after('--draft');
  if (name !== undefined) {
    process.stdout.write(draft(name));
    return;
  }
  const say = (text) => process.stdout.write(`${text}\n`);
  const results = readConceptTables(tablesDir).map(compare);
  const open = results.flatMap((one) => one.open.map((row) => ({ map: one.name, file: one.file, ...row })));
  if (words.includes('--json')) say(JSON.stringify(results, null, 1));
  else {
    for (const one of open)
      say(`${one.map} ${one.from}: ${one.official}, in ${one.file}: ${one.ours || 'no row'}`);
    const without = results.filter(({ file, rows }) => file === undefined && rows > 0);
    for (const one of without) say(`${one.name}: no table of ours (${one.rows} rows)`);
    const plain = results.filter(({ rows }) => rows === 0).length;
    say(
      `maps: ${results.length}, ${plain} need no table; rows open: ${open.length}; without a table: ${without.length}`,
    );
  }
  process.exitCode = open.length > 0 ? 1 : 0;
}

main();

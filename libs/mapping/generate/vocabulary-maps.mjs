// The official vocabulary maps against our code tables.
//   node libs/mapping/generate/vocabulary-maps.mjs [--json] [--tables DIR]     compares
//   node libs/mapping/generate/vocabulary-maps.mjs --draft Religion            writes a code table to stdout
// A row of a table that says something else than the official one has its reason in the column note. A code that is
// mapped to itself in the code system of its HL7 table needs no row: conversions name that system by themselves.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { officialFolder } from './official/command.mjs';
import { root } from './official/our-rules.mjs';
import { csvLine, parseCsv, readConceptTables } from './official/read-official.mjs';
import { tableNames } from './official/table-names.mjs';

/** Maps and codes that have no row on purpose: map,code,reason; the code `*` is every code of the map. */
const differences = parseCsv(
  readFileSync(join(import.meta.dirname, 'official/vocabulary-differences.csv'), 'utf8'),
).slice(1);
const reasonOf = (map, code) =>
  differences.find(([name, one]) => name === map && (one === code || one === '*'))?.[2];

const tableSystem = (system) =>
  `http://terminology.hl7.org/CodeSystem/v2-${system.replace(/^HL7-?/, '').padStart(4, '0')}`;
const sameCode = ({ from, to, system, toSystem }) =>
  from === to && (toSystem === '' || toSystem === tableSystem(system));

/** Rows that say something: a target, and another one than the code itself. */
const meant = ({ rows }) => rows.filter((row) => row.to !== '' && !sameCode(row));

function draft(dir, name) {
  const table = readConceptTables(dir).find((one) => one.name === name);
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
  const file = tableNames[table.name];
  const found = file === undefined ? undefined : ourRows(file);
  const open = [];
  const explained = [];
  for (const { from, to, toSystem, condition } of rows) {
    const row = found?.get(from) ?? found?.get(from.toUpperCase());
    const same = row?.[2] === to && (row[3] === '' || toSystem === '' || row[3] === toSystem);
    if (same) continue;
    const reason = reasonOf(table.name, from) ?? (row?.[5] || condition);
    if (reason) explained.push({ from, official: to, ours: row?.[2] ?? '', reason });
    else open.push({ from, official: to, ours: row?.[2] ?? '' });
  }
  return { name: table.name, rows: rows.length, file: found && file, open, explained };
}

/** All official vocabulary maps: what says nothing but the code itself needs no table of ours. */
export function compareVocabulary(dir) {
  return readConceptTables(dir).map(compare);
}

export function countVocabulary(results) {
  return {
    maps: results.length,
    same: results.filter(({ rows }) => rows === 0).length,
    withTable: results.filter(({ rows, file }) => rows > 0 && file).length,
    explained: results.filter(({ rows, file }) => rows > 0 && !file).length,
    rows: results.reduce((sum, { rows }) => sum + rows, 0),
    rowsExplained: results.reduce((sum, { explained }) => sum + explained.length, 0),
    open: results.reduce((sum, { open }) => sum + open.length, 0),
  };
}

function main() {
  const words = process.argv.slice(2);
  const dir = officialFolder(words);
  if (dir === undefined) return;
  if (words.includes('--draft')) {
    process.stdout.write(draft(dir, words[words.indexOf('--draft') + 1]));
    return;
  }
  const say = (text) => process.stdout.write(`${text}\n`);
  const results = compareVocabulary(dir);
  const counts = countVocabulary(results);
  if (words.includes('--json')) say(JSON.stringify(results, null, 1));
  else {
    for (const { name: map, file, open } of results)
      for (const { from, official, ours: own } of open)
        say(`${map} ${from}: ${official}, in ${file ?? 'no table'}: ${own || 'no row'}`);
    say(
      Object.entries(counts)
        .map(([key, n]) => `${key}: ${n}`)
        .join(', '),
    );
  }
  process.exitCode = counts.open > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

// Compares our maps with the official HL7 v2-to-FHIR segment tables, row by row.
//   node libs/mapping/generate/compare-maps.mjs [--json] [--all] [--tables DIR]
// A row (field -> element of a resource) is covered by a rule from that field to that element, dropped with a reason,
// explained in differences.csv, differing (the field goes elsewhere) or missing. Status 1 when any row is one of the
// last two. `differences.csv` holds table,source,element,reason; `*` stands for any text.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { officialFolder } from './official/command.mjs';
import { flatten, readMaps } from './official/our-rules.mjs';
import { elementOf, parseCsv, readSegmentTables } from './official/read-official.mjs';

/** Slips of the pen in the tables, and URLs that were published otherwise. */
const slips = {
  payer: 'payor',
  occurneceTiming: 'occurrenceTiming',
  valueSampedData: 'valueSampledData',
  practioner: 'practitioner',
  organziation: 'organization',
  doseForm: 'form',
  countMax: 'count',
  'extension(http://hl7.org/fhir/5.0/StructureDefinition/extension-subscriberId)':
    'extension(http://hl7.org/fhir/5.0/StructureDefinition/extension-Coverage.subscriberId)',
  'extension(http://hl7.org/fhir/v\\5.0/StructureDefinition/extension-Encounter.plannedEndDate)':
    'extension(http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.plannedEndDate)',
  'extension(http://www.hl7.org/fhir/extension-condition-asserteddate)': 'extension(condition-assertedDate)',
  'extension(https://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment)':
    'extension(http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value)',
  'extension(https://hl7.org/fhir/5.0/StructureDefinition/extension-Device.version.installDate)':
    'extension(http://hl7.org/fhir/5.0/StructureDefinition/extension-Device.version.installDate)',
};
const slipsOfPaths = [
  [/^content\.(data|contentType|url)\b/, 'content.attachment.$1'],
  [/^occurrenceTiming\.(bounds|duration)/i, 'occurrenceTiming.repeat.$1'],
];

/** What a target may mean: the element, and for `author(Practitioner.address)` that of the resource referred to. */
function meanings(resource, element) {
  const list = [];
  let type = resource;
  let rest = slipsOfPaths.reduce((text, [wrong, right]) => text.replace(wrong, right), element);
  while (rest !== '') {
    const open = rest.search(/\((?=[A-Z]\w*[.)])/);
    const path = open < 0 ? rest : rest.slice(0, open);
    list.push([type, path.replace(/="?[^"]*"?$/, '').replace(/\.$/, '')]);
    if (open < 0) break;
    const inner = rest.slice(open + 1).replace(/\)+$/, '');
    const dot = inner.indexOf('.');
    type = dot < 0 ? inner : inner.slice(0, dot);
    rest = dot < 0 ? '' : inner.slice(dot + 1);
  }
  return list;
}

function sameStep(one, other) {
  const a = (slips[one] ?? one).toLowerCase();
  const b = (slips[other] ?? other).toLowerCase();
  if (a === b) return true;
  if (a.startsWith('extension(') && b.startsWith('extension'))
    return a === 'extension()' || b === 'extension';
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  // A choice: deceased, deceasedBoolean.
  return long.toLowerCase().startsWith(short.toLowerCase()) && /^[A-Z]/.test(long.slice(short.length));
}

/** Steps at dots, not inside the URL of an extension. */
const stepsOf = (element) => element.match(/(?:\([^)]*\)|[^.(])+/g) ?? [];

/** Equal as far as both are exact. */
function sameElement(official, ours) {
  const a = stepsOf(official);
  const b = stepsOf(ours);
  if (b.length === 0) return false;
  return a.slice(0, b.length).every((step, i) => sameStep(step, b[i] ?? step));
}

function compareRow(table, row, our) {
  const element = elementOf(row, table.rows) || row.proposed;
  const rules = our.rules.filter(({ source }) => source === row.source);
  const literal = row.assignment.startsWith('"');
  const made = row.target.startsWith('$this') ? /\[(\w+)/.exec(row.typeMap)?.[1] : undefined;
  const hit = rules.find(({ resource, element: ours, weak }) => {
    if (weak && !literal) return false;
    if (row.target === '$this' && resource === (made ?? table.resource)) return true;
    return meanings(table.resource, element).some(
      ([type, path]) =>
        (type === resource || type === 'Operation') && (path === '' || sameElement(path, ours)),
    );
  });
  const facts = { table: table.name, source: row.source, element, line: row.line };
  const link = hit ? undefined : linkOf(table, element, rules, our.links);
  if (link) return { ...facts, state: 'covered', by: `${link.element} refers to it` };
  if (hit) return { ...facts, state: 'covered', by: `${hit.map}: ${hit.element}` };
  const strong = rules.filter(({ weak }) => !weak);
  const elsewhere = [...new Set(strong.map(({ resource, element: ours }) => `${resource}.${ours}`))];
  const [segment] = row.source.split('-');
  const drop = our.drops.find(
    ({ source, component }) => component === 0 && (source === row.source || source === segment),
  );
  if (drop && strong.length === 0) return { ...facts, state: 'dropped', by: drop.reason };
  return { ...facts, state: elsewhere.length > 0 ? 'differing' : 'missing', by: elsewhere.join(', ') };
}

/** The element that refers to the resource which a rule makes of the field. */
function linkOf(table, element, rules, links) {
  const makers = new Set(rules.filter(({ weak }) => !weak).map(({ map }) => map));
  const [[type, path] = ['', '']] = meanings(table.resource, element);
  return links.find(
    (link) =>
      link.resource === type &&
      sameElement(path, link.element) &&
      [...link.maps].some((name) => makers.has(name)),
  );
}

/** Rows that carry content: not the constants that stand beside it, unless a field has nothing else. */
function contentRows({ rows }) {
  const aimed = rows.filter((row) => /^[A-Z][A-Z0-9]{2}-\d/.test(row.source) && (row.target || row.proposed));
  const content = aimed.filter(({ target, assignment }) => !/\.(?:url|uri)$|="/.test(target) && !assignment);
  const fields = new Set(content.map(({ source }) => source));
  return [...content, ...aimed.filter(({ source }) => !fields.has(source))];
}

function readDifferences() {
  const path = join(fileURLToPath(new URL('official/', import.meta.url)), 'differences.csv');
  const [, ...rows] = existsSync(path) ? parseCsv(readFileSync(path, 'utf8')) : [[]];
  return rows.map(([table, source, element, reason]) => ({ table, source, element, reason, used: 0 }));
}

/** `*` stands for any text. */
function fits(pattern, text) {
  const parts = pattern.split('*').map((part) => part.replace(/[.?+^$()[\]{}|\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

function explain(result, differences) {
  if (result.state === 'covered' || result.state === 'dropped') return result;
  const found = differences.find((one) =>
    ['table', 'source', 'element'].every((key) => fits(one[key], result[key])),
  );
  if (!found) return result;
  found.used++;
  return { ...result, state: 'explained', by: found.reason };
}

const order = ['missing', 'differing', 'explained', 'dropped', 'covered'];
/** A field is what the worst of its rows is. */
function countFields(results) {
  const fields = new Map();
  for (const { source, state } of results) {
    const known = fields.get(source);
    if (known === undefined || order.indexOf(state) < order.indexOf(known)) fields.set(source, state);
  }
  return countBy([...fields.values()]);
}

function countBy(states) {
  const counts = { total: states.length };
  for (const state of order.toReversed()) counts[state] = states.filter((one) => one === state).length;
  return counts;
}

function print(results, summary, all) {
  const line = (text) => process.stdout.write(`${text}\n`);
  for (const { table, line: at, source, element, state, by } of results)
    if (all || state === 'missing' || state === 'differing')
      line(`${state.padEnd(9)} ${table}:${at} ${source} -> ${element}${by ? ` (${by})` : ''}`);
  for (const [name, counts] of [
    ['rows', summary.rows],
    ['fields', summary.fields],
  ])
    line(
      `${name}: ${Object.entries(counts)
        .map(([state, n]) => `${n} ${state}`)
        .join(', ')}`,
    );
  for (const file of summary.broken) line(`not counted, has mistakes: ${file}`);
  for (const { table, source, element } of summary.unused)
    line(`differences.csv: no open row for ${table},${source},${element}`);
  line(`unexplained: ${summary.unexplained}`);
}

/** Every row of the segment tables, with what became of it, and the counts. */
export function compareMaps(dir) {
  const { maps, broken } = readMaps();
  const our = flatten(maps);
  const differences = readDifferences();
  const results = readSegmentTables(dir).flatMap((table) =>
    contentRows(table).map((row) => explain(compareRow(table, row, our), differences)),
  );
  const rows = countBy(results.map(({ state }) => state));
  const summary = {
    rows,
    fields: countFields(results),
    unexplained: rows.missing + rows.differing,
    broken,
    unused: differences.filter(({ used }) => used === 0),
  };
  return { results, summary };
}

function main() {
  const words = process.argv.slice(2);
  const tablesDir = officialFolder(words);
  if (tablesDir === undefined) return;
  const { results, summary } = compareMaps(tablesDir);
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify({ ...summary, results }, null, 1)}\n`);
  else print(results, summary, words.includes('--all'));
  process.exitCode = summary.unexplained > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

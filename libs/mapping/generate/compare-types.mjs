// Compares our conversions of data types with the official data type tables, by experiment: a message with a value in
// which every component is valued is converted, then again without one component; what differs is what it becomes.
//   npm run build && node libs/mapping/generate/compare-types.mjs [--json] [--all] [--tables DIR]
// A row is covered when the last step of its element is among what differs, differing when only other elements are,
// missing when nothing is. Reasons stand in official/type-differences.csv (table,source,element,reason; `*` is any text).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { officialFolder, tellComparison } from './official/command.mjs';
import { root } from './official/our-rules.mjs';
import { elementOf, parseCsv, readTypeTables } from './official/read-official.mjs';
import { probes } from './official/type-probes.mjs';

const built = (path) => import(join(root, 'dist/libs', path));
const { Decimal } = await built('fhir/src/index.js');
const { parseMessage } = await built('hl7v2/src/index.js');
const { MappingLibrary } = await built('mapping/src/load-mappings.js');

function leaves(node, path, into) {
  if (Array.isArray(node)) for (const item of node) leaves(item, path, into);
  else if (node !== null && typeof node === 'object' && !(node instanceof Decimal))
    for (const [key, inner] of Object.entries(node)) leaves(inner, `${path}.${key}`, into);
  else if (!/\.(id|reference|source)$/.test(path)) into.push(`${path}=${String(node)}`);
  return into;
}

/** What the maps make of a message, as a sorted list of element=value. */
function converted(set, text) {
  const message = parseMessage(Buffer.from(text));
  const map = set.forMessage(...text.split('\r')[0].split('|')[8].split('^'));
  if (!map) return [];
  const { resources } = map.run(message, { tenant: 'test' });
  return resources.flatMap(({ resource }) => leaves(resource, resource.resourceType, [])).sort();
}

/** Elements whose values are others in the two lists. */
function differing(whole, less) {
  const count = (list) => {
    const map = new Map();
    for (const one of list) map.set(one, (map.get(one) ?? 0) + 1);
    return map;
  };
  const [a, b] = [count(whole), count(less)];
  const paths = new Set();
  for (const key of new Set([...a.keys(), ...b.keys()]))
    if (a.get(key) !== b.get(key)) paths.add(key.slice(0, key.indexOf('=')));
  return [...paths];
}

/** The elements that change when component `number` of the probe's value is left out. */
function effect(set, { text, parts, separator = '^' }, number) {
  if (!parts[number - 1]) return undefined;
  const fill = (list) => text.replace('{}', list.join(separator));
  const less = parts.map((part, index) => (index === number - 1 ? '' : part));
  return differing(converted(set, fill(parts)), converted(set, fill(less)));
}

const lastStep = (element) =>
  /extension/.test(element)
    ? 'extension'
    : (
        element
          .replace(/[)\]}]+$/, '')
          .split(/[.(]/)
          .at(-1) ?? ''
      )
        .replace(/\[.*|\W.*/, '')
        .toLowerCase();

function stateOf(row, table, effects) {
  if (effects === undefined) return { state: 'missing', by: 'no value is tried' };
  if (effects.length === 0) return { state: 'missing', by: 'nothing changes' };
  const last = lastStep(row.target.replace(/\([A-Z]\w*\)/g, ''));
  const hit =
    /^\$(value|this)/.test(row.target) || last === ''
      ? effects[0]
      : effects.find((path) =>
          path
            .toLowerCase()
            .split('.')
            .some((step) => step === last || step === `_${last}`),
        );
  return hit ? { state: 'covered', by: hit } : { state: 'differing', by: effects.slice(0, 4).join(', ') };
}

const fits = (pattern, text) =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.?+^$()[\]{}|\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(text);

/** Every row of the tables that names an element, unless it is a constant beside one. */
export function compareTypes(dir) {
  const [, ...differences] = parseCsv(
    readFileSync(join(import.meta.dirname, 'official/type-differences.csv'), 'utf8'),
  );
  const library = new MappingLibrary(join(root, 'mappings'));
  const set = library.set(library.usualLayers);
  const rank = { covered: 2, differing: 1, missing: 0 };
  return readTypeTables(dir).flatMap((table) =>
    table.rows
      .filter(
        ({ source, target, assignment }) =>
          /^\w+[.-]\d+$/.test(source) && target !== '' && !assignment.startsWith('"'),
      )
      .map((row) => {
        const number = Number(/\d+$/.exec(row.source)[0]);
        const tried = probes.filter(({ tables }) => tables.includes(table.name));
        const best = tried
          .map((probe) => stateOf(row, table, effect(set, probe, number)))
          .sort((a, b) => rank[b.state] - rank[a.state])[0] ?? { state: 'missing', by: 'no place is tried' };
        const element = elementOf(row, table.rows) || row.target;
        const facts = { table: table.name, source: row.source, element, line: row.line };
        if (best.state === 'covered') return { ...facts, ...best };
        const found = differences.find(
          ([name, source, to]) => fits(name, table.name) && fits(source, row.source) && fits(to, element),
        );
        return found ? { ...facts, state: 'explained', by: found[3], seen: best.by } : { ...facts, ...best };
      }),
  );
}

export function countTypes(results) {
  const counts = { rows: results.length };
  for (const state of ['covered', 'explained', 'differing', 'missing'])
    counts[state] = results.filter((one) => one.state === state).length;
  return counts;
}

function main() {
  const words = process.argv.slice(2);
  const dir = officialFolder(words);
  if (dir === undefined) return;
  const results = compareTypes(dir);
  const open = ['missing', 'differing'];
  tellComparison(words, results, countTypes(results), open, ({ table, line, source, element, by }) => {
    return `${table}:${line} ${source} -> ${element} (${by})`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

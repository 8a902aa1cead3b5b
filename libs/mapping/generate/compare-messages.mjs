// Compares our message maps with the official message tables: which segment of which group becomes which resource.
//   npm run build && node libs/mapping/generate/compare-messages.mjs [--json] [--all] [--tables DIR]
// A row is covered when a map that the message uses makes the resource of the segment, or fills it from the segment;
// other rows have their reason in official/message-differences.csv (message,segment,resource,reason; `*` is any text).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { officialFolder, tellComparison } from './official/command.mjs';
import { flatten, readMaps } from './official/our-rules.mjs';
import { parseCsv, readMessageTables } from './official/read-official.mjs';

/** Names of the resource maps that the steps use, those that a rule refers to included. */
function mapsOf(message, named) {
  const used = new Set();
  const use = (name) => {
    if (used.has(name) || !named.has(name)) return;
    used.add(name);
    for (const inner of JSON.stringify(named.get(name).set).matchAll(/"map":"([^"]+)"/g)) use(inner[1]);
  };
  const walk = (steps) => {
    for (const step of steps) {
      if (step.kind === 'each') walk(step.steps);
      else use(step.map);
    }
  };
  walk(message.steps);
  return [...used];
}

const fits = (pattern, text) =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.?+^$()[\]{}|\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(text);

/** `Patient[1].contact` and `Provenance[1].entity.what(Device)` name a Patient and a Device. */
function resourceOf({ target, map }) {
  return (
    /\(([A-Z]\w+)\)$/.exec(target)?.[1] ??
    /^[A-Z]\w+/.exec(target)?.[0] ??
    /\[([A-Z]\w+)/.exec(map)?.[1] ??
    ''
  );
}

function compareRow(row, used, our) {
  const resource = resourceOf(row);
  const facts = { segment: row.segment, path: row.path, line: row.line, resource };
  const whole = used.find(({ source, type }) => source === row.segment && type === resource);
  if (whole) return { ...facts, state: 'covered', by: whole.name };
  const names = new Set(used.map(({ name }) => name));
  const rule = our.rules.find(
    (one) => names.has(one.map) && one.resource === resource && one.source.split('-')[0] === row.segment,
  );
  if (rule) return { ...facts, state: 'covered', by: `${rule.map}: ${rule.element || rule.source}` };
  const other = used.filter(({ source }) => source === row.segment).map(({ type }) => type);
  return {
    ...facts,
    state: 'missing',
    by: other.length > 0 ? `it becomes ${[...new Set(other)].join(', ')}` : '',
  };
}

export function compareMessages(dir) {
  const { maps } = readMaps();
  const our = flatten(maps);
  const named = new Map(maps.filter(({ kind }) => kind === 'resource').map((map) => [map.name, map]));
  const claims = new Map();
  for (const map of maps)
    if (map.kind === 'message') for (const { text } of map.for) claims.set(text.replace('^', '_'), map);
  const [, ...differences] = parseCsv(
    readFileSync(join(import.meta.dirname, 'official/message-differences.csv'), 'utf8'),
  );
  return readMessageTables(dir).flatMap(({ name, rows }) => {
    const message = claims.get(name) ?? claims.get(name.split('_')[0]);
    const used = message
      ? mapsOf(message, named).map((map) => ({
          name: map,
          source: named.get(map).source.name,
          type: named.get(map).create.type,
        }))
      : [];
    return rows.map((row) => {
      const result = { message: name, ...compareRow(row, used, our) };
      if (result.state === 'covered') return result;
      const found = differences.find(
        ([one, segment, resource]) =>
          fits(one, name) && fits(segment, row.segment) && fits(resource, result.resource),
      );
      return found ? { ...result, state: 'explained', by: found[3] } : result;
    });
  });
}

export function countMessages(results) {
  const counts = { messages: new Set(results.map(({ message }) => message)).size, rows: results.length };
  for (const state of ['covered', 'explained', 'missing'])
    counts[state] = results.filter((one) => one.state === state).length;
  return counts;
}

function main() {
  const words = process.argv.slice(2);
  const dir = officialFolder(words);
  if (dir === undefined) return;
  const results = compareMessages(dir);
  tellComparison(
    words,
    results,
    countMessages(results),
    ['missing'],
    ({ message, line, path, resource, by }) => {
      return `${message}:${line} ${path} -> ${resource} (${by})`;
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

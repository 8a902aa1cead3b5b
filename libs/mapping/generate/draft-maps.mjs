// Drafts a resource map from an official segment table: what the table says, in our language, to be corrected by hand.
//   node libs/mapping/generate/draft-maps.mjs 'PR1[Procedure]' [--tables DIR]     one map, to stdout
//   node libs/mapping/generate/draft-maps.mjs --all --out DIR [--tables DIR]      every table, a file each
// Lines with `# check:` are what the table says in words, or what the draft could not decide.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { officialFolder } from './official/command.mjs';
import { draftCondition } from './official/draft-condition.mjs';
import { elementOf, readSegmentTables } from './official/read-official.mjs';
import { tableNames } from './official/table-names.mjs';

const quoted = (text) =>
  /[:#'"\[\]{}|&*!%@`,]|^\s|\s$|^$/.test(text)
    ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    : text;

/** What stands after the element, on one line. */
function ruleOf(row) {
  const literal = /^"([^"]*)"$/.exec(row.assignment)?.[1];
  const table = tableNames[row.vocabulary];
  const expression = table === undefined ? row.source : `${row.source} | table(${table})`;
  const condition = row.computable === '' ? undefined : draftCondition(row.computable);
  const said = literal === undefined ? `use: ${expression}` : `value: ${quoted(literal)}`;
  if (condition !== undefined) return `{ when: ${quoted(condition)}, ${said} }`;
  if (literal !== undefined)
    return /-\d/.test(row.source) ? `{ when: ${row.source} valued, ${said} }` : `{ ${said} }`;
  return expression;
}

function remarksOf(row) {
  const remarks = [];
  if (row.computable !== '' && draftCondition(row.computable) === undefined)
    remarks.push(`condition: ${row.computable}`);
  if (row.narrative !== '') remarks.push(row.narrative);
  if (row.assignment !== '' && !/^"[^"]*"$/.test(row.assignment))
    remarks.push(`assignment: ${row.assignment}`);
  if (row.vocabulary !== '' && tableNames[row.vocabulary] === undefined)
    remarks.push(`codes: ${row.vocabulary}`);
  return remarks.map((text) => `# check: ${text.replace(/\s+/g, ' ')}`);
}

/** False: the row speaks of a segment as a whole or of another resource, or its element is no path of element names. */
function isRule(row, table) {
  const isSaid = /-\d/.test(row.source) || /^"[^"]*"$/.test(row.assignment);
  const element = elementOf(row, table.rows);
  return isSaid && !/\([A-Z]|\(\)|[="{}:](?![^(]*\))/.test(element);
}

/** `performer[2].actor` is the second of its list; extensions are told apart by their URLs instead. */
function itemOf({ target }) {
  const [, name, number] = /^(\w+)\[(\d+)\]\./.exec(target) ?? [];
  return name === undefined || name === 'extension' ? undefined : { name, number };
}

/** Elements in the order of the table, each with its rows; numbered elements with their items. */
function elementsOf(rows, table) {
  const elements = new Map();
  for (const row of rows) {
    const item = itemOf(row);
    const element = elementOf(row, table.rows);
    const key = item ? item.name : element;
    const entry = elements.get(key) ?? elements.set(key, { rows: [], items: new Map() }).get(key);
    if (!item) {
      entry.rows.push(row);
      continue;
    }
    const inner = element.slice(item.name.length + 1);
    const members = entry.items.get(item.number) ?? entry.items.set(item.number, new Map()).get(item.number);
    members.set(inner, [...(members.get(inner) ?? []), row]);
  }
  return elements;
}

/** One element: a rule, or the first of several that gives something. */
function linesOf(name, rows, indent) {
  const remarks = rows.flatMap(remarksOf).map((text) => `${indent}${text}`);
  if (rows.length === 1) return [...remarks, `${indent}${name}: ${ruleOf(rows[0])}`];
  const options = [...new Set(rows.map(ruleOf))];
  if (options.length === 1) return [...remarks, `${indent}${name}: ${options[0]}`];
  return [
    ...remarks,
    `${indent}${name}:`,
    `${indent}  choose:`,
    ...options.map((one) => `${indent}    - ${one}`),
  ];
}

/** A list: what fills an item as a whole, then the items with their members. */
function listLines(name, rows, items) {
  const lines = [`  ${name}:`];
  for (const row of rows) lines.push(...remarksOf(row).map((text) => `    ${text}`), `    - ${ruleOf(row)}`);
  for (const members of items.values()) {
    lines.push('    - set:');
    for (const [inner, own] of members) lines.push(...linesOf(inner, own, '        '));
  }
  return lines;
}

/** The draft of one table, as YAML. */
export function draftMap(table) {
  const aimed = table.rows.filter(({ source, target }) => source !== '' && target !== '');
  const mapped = aimed.filter(
    ({ target, assignment }) => !(/^extension.*\.(url|uri)$/.test(target) && assignment !== ''),
  );
  const fields = new Set(aimed.map(({ source }) => source));
  const unused = table.rows.filter(
    ({ source }) => /^[A-Z][A-Z0-9]{2}-\d+$/.test(source) && !fields.has(source),
  );
  const lines = [
    `# Drafted from the official table ${table.name}: read every rule before it is used.`,
    `map: draft.${table.name.replace('[', '.').replace(']', '').replaceAll('-', '')}`,
    `source: hl7v2/${table.source}`,
    `create: ${table.resource}`,
    'merge: update',
    '# check: what identifies the thing in the world, and is the same in every message about it',
    `key: [${[...fields].find((one) => /-\d/.test(one)) ?? `${table.source}-1`}]`,
  ];
  const rules = mapped.filter((row) => isRule(row, table));
  if (rules.length > 0) lines.push('set:');
  for (const [element, { rows, items }] of elementsOf(rules, table)) {
    if (items.size > 0) lines.push(...listLines(element, rows, items));
    else lines.push(...linesOf(element, rows, '  '));
  }
  for (const row of mapped.filter((one) => !rules.includes(one)))
    lines.push(
      `  # check: ${row.source} -> ${row.target} ${[row.typeMap, row.computable, row.narrative, row.assignment].filter(Boolean).join('; ')}`
        .replace(/\s+$/, '')
        .replace(/[\r\n]+/g, ' '),
    );
  const dropped = [...new Map(unused.map((row) => [row.source, row])).values()];
  if (dropped.length > 0) {
    lines.push('# check: the table has no place for these; a drop wants the true reason');
    for (const { source, title } of dropped) lines.push(`#   ${source}: ${title.replace(/\s+/g, ' ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function main() {
  const words = process.argv.slice(2);
  const after = (word) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  const dir = officialFolder(words);
  if (dir === undefined) return;
  const tables = readSegmentTables(dir);
  if (words.includes('--all')) {
    const out = after('--out') ?? 'drafts';
    mkdirSync(out, { recursive: true });
    for (const table of tables)
      writeFileSync(join(out, `${table.name.replace(/[[\]]/g, '.')}yaml`), draftMap(table));
    process.stdout.write(`${tables.length} drafts in ${out}\n`);
    return;
  }
  const table = tables.find(({ name }) => name === words[0]);
  if (table) process.stdout.write(draftMap(table));
  else {
    process.stderr.write(
      `no table ${words[0] ?? ''}; there are ${tables.map(({ name }) => name).join(', ')}\n`,
    );
    process.exitCode = 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

// Makes up messages for draft-rule-tests.mjs: filled by the dictionary, with the codes that the maps ask for.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const built = (path) => import(join(root, 'dist/libs', path));
const { mappingFiles } = await built('mapping/src/mapping-files.js');
const dictionary = await built('mapping/src/dictionary/v2-dictionary.js');

const mappings = join(root, 'mappings');

let state = 1;
/** From here on the same messages come for the same seed. */
export function startAt(seed) {
  state = seed >>> 0 || 1;
}
/** A number from 0 to 1; the same row for the same seed (xorshift32). */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const digits = (count) => Array.from({ length: count }, () => Math.floor(random() * 10)).join('');

/** Codes that the maps ask for, by the place they ask at: `OBX-2`, `PID-3.5`. */
function askedCodes() {
  const codes = new Map();
  const add = (place, values) => codes.set(place, [...(codes.get(place) ?? []), ...values]);
  const table = (name) =>
    readFileSync(join(mappings, 'tables', `${name}.csv`), 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0])
      .filter((code) => code !== '' && code !== '*' && !code.includes('"'));
  for (const file of mappingFiles(mappings, 'hl7v2', '.yaml').filter(
    (one) => !/\.(test|golden)\.yaml$/.test(one),
  )) {
    const text = readFileSync(join(mappings, file), 'utf8');
    const place = String.raw`([A-Z][A-Z0-9]{1,2}[-.][\d.]+)`;
    for (const [, at, name] of text.matchAll(new RegExp(`${place} \\| table\\(([a-z0-9-]+)`, 'g')))
      if (existsSync(join(mappings, 'tables', `${name}.csv`))) add(at, table(name));
    for (const [, at, code] of text.matchAll(new RegExp(`${place} [!=]= '([^']+)'`, 'g'))) add(at, [code]);
    for (const [, at, list] of text.matchAll(new RegExp(`${place} (?:not )?in \\[([^\\]]+)\\]`, 'g')))
      add(
        at,
        list.split(',').map((code) => code.trim().replace(/^'|'$/g, '')),
      );
    for (const [, at, code] of text.matchAll(/([A-Z][A-Z0-9]{2}-\d+)\[type=([A-Z]+)\]/g))
      add(`${at}.5`, [code]);
    for (const [, at, block] of text.matchAll(
      /by: ([A-Z0-9-.]+),?\s+cases:((?:\s+(?:#.*|'?[A-Z0-9, ^-]+'?:.*))+)/g,
    ))
      for (const [, names] of block.matchAll(/^\s+'?([A-Z0-9, ^-]+)'?:/gm)) add(at, names.split(/, */));
  }
  return codes;
}
const codes = askedCodes();

const words = [
  'Alder',
  'Birch',
  'Cedar',
  'Dogwood',
  'Elm',
  'Fir',
  'Hazel',
  'Juniper',
  'Larch',
  'Maple',
  'Oak',
  'Pine',
  'Rowan',
  'Willow',
];
let moments = 0;
/** Days that follow each other, so that no end lies before its start. */
function moment() {
  return new Date(Date.UTC(2012, 0, 1 + ++moments)).toISOString().slice(0, 10).replaceAll('-', '');
}
/** Without these a segment says nothing. */
const always = new Set(
  (
    'MSH-3 MSH-4 EVN-2 PID-3 PID-5 NK1-2 NK1-3 PV1-2 GT1-3 IN1-2 IN1-3 AL1-3 IAM-3 DG1-3 PR1-3 ORC-1 ORC-2 ORC-3 OBR-2 OBR-3 OBR-4 OBX-3 OBX-5 OBX-11 ' +
    'NTE-3 SPM-2 SPM-4 RXA-3 RXA-5 RXO-1 RXE-2 RXD-2 RXD-3 RXG-4 RXR-1 RXC-2 TXA-2 TXA-12 SCH-1 SCH-2 SCH-6 AIS-3 AIG-3 AIL-3 AIP-3 FT1-4 FT1-7 ' +
    'PRB-2 PRB-3 PRB-4 GOL-3 GOL-4 PTH-3 RF1-1 PRD-2 CTD-2 MRG-1 TQ1-7 PRT-4 PRT-5 ROL-3 ROL-4 ARV-3 SAC-3 CON-1'
  ).split(' '),
);

/** A value of one primitive type. */
function primitive(type, place) {
  const asked = codes.get(place);
  if (asked && random() < 0.9) return pick(asked);
  switch (type) {
    case 'NM':
    case 'SI':
      return String(1 + Math.floor(random() * 90));
    case 'DT':
      return moment();
    case 'DTM':
    case 'TS':
      return `${moment()}1${Math.floor(random() * 9)}30`;
    case 'TM':
      return `1${Math.floor(random() * 9)}30`;
    case 'ID':
    case 'IS':
      return pick(['Y', 'N', 'A', 'B', 'F', 'M', 'P']);
    default:
      return random() < 0.5 ? pick(words) : `${pick(words).slice(0, 2).toUpperCase()}${digits(4)}`;
  }
}

function value(type, place, separators, share) {
  if (!dictionary.isComposite(type)) return primitive(type, place);
  const [separator, ...deeper] = separators;
  if (separator === undefined) return primitive('ST', place);
  const parts = [];
  for (let number = 1; number <= 15; number++) {
    const part = dictionary.componentType(type, number);
    if (!part) break;
    const isFilled = number === 1 || random() < share;
    parts.push(isFilled ? value(part.type, `${place}.${number}`, deeper, share) : '');
  }
  while (parts.at(-1) === '') parts.pop();
  return parts.join(separator);
}

function segment(name, facts) {
  const share = pick([0.4, 0.7, 0.95]);
  const fields = [name];
  let obx2 = '';
  for (let number = 1; number <= Math.max(4, dictionary.fieldCount(name)); number++) {
    const place = `${name}-${number}`;
    let type = dictionary.fieldType(name, number)?.type ?? 'ST';
    if (name === 'OBX' && number === 2) obx2 = primitive('ID', place);
    if (name === 'OBX' && number === 5) type = obx2.replace(/^(CE|CF|CNE)$/, 'CWE');
    if (number === 1 && type === 'SI') fields.push(String(facts.count));
    else if (name === 'OBX' && number === 2) fields.push(obx2);
    else fields.push(always.has(place) || random() < share ? value(type, place, ['^', '&'], share) : '');
  }
  return fields.join('|').replace(/\|+$/, '');
}

function header(map) {
  const claim = pick(map.claims);
  const [code, trigger] = claim.includes('^') ? claim.split('^') : claim.split('_');
  const line = segment('MSH', { count: 1 }).split('|');
  // In the text MSH-1 is the first bar itself.
  const fields = ['MSH', '^~\\&', ...line.slice(3)];
  fields[6] = `${moment()}1200`;
  fields[8] = [
    code,
    trigger,
    map.facts.source.structure.text.match(/^\w+$/) ? map.facts.source.structure.text : '',
  ]
    .filter(Boolean)
    .join('^');
  fields[9] = `RULE${digits(6)}`;
  fields[10] = 'P';
  fields[11] = '2.5.1';
  if (fields.length > 17) fields[17] = 'UNICODE UTF-8';
  return fields.join('|');
}

function body(group, lines, depth = 0) {
  for (const node of group.nodes) {
    const isWanted = node.required || node.name === 'PID' || /PATIENT/.test(node.name);
    const times = isWanted ? 1 : random() < 0.6 ? 1 + Number(node.repeats && random() < 0.3) : 0;
    for (let count = 1; count <= times; count++) {
      if (node.kind === 'group') body(node, lines, depth + 1);
      else if (node.name !== 'MSH' && !/^(FHS|BHS|BTS|FTS|DSC|ADD)$/.test(node.name))
        lines.push(segment(node.name, { count }));
    }
  }
}

/** One message for a compiled message map, as lines. */
export function makeMessage(map) {
  moments = 0;
  const lines = [header(map)];
  body(map.facts.program.structure.root, lines);
  return lines;
}

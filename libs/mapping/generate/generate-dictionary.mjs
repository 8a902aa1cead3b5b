// Writes src/dictionary/v2-tables.ts from hl7v2-dictionary: what the mapping compiler must know of HL7 v2.1 to 2.8.
//   node libs/mapping/generate/generate-dictionary.mjs
// One table for all versions: fields and components only ever grew at the end or were withdrawn, so the newest
// meaning serves, and where a field was withdrawn (2.7 types it ST) or narrowed to a primitive, the last composite
// type it had. The package itself is 40 MB of objects and half a second of start-up; the table is a string.
import { writeFileSync } from 'node:fs';
import { dictionaries } from 'hl7v2-dictionary';

const versions = Object.values(dictionaries);
const primitive = new Set([
  'ST',
  'TX',
  'FT',
  'ID',
  'IS',
  'NM',
  'SI',
  'DT',
  'TM',
  'DTM',
  'TN',
  'VARIES',
  'CM',
  '',
]);
/** What the package lacks or has wrong. */
const corrections = {
  'OBX.5': 'VARIES*',
  'OBX.4': 'OG',
  'MSH.9': 'MSG',
  'PID.8': 'CWE#1',
  'PID.24': 'ID#136',
  'PV1.2': 'CWE#4',
};
/** Fields of 2.8.2 and 2.9 that are in use, appended. */
const laterFields = {
  ACC: 'CWE',
  IN1: 'ID',
  MSH: 'CWE CWE* ST*',
  NTE: 'CWE*',
  OBX: 'ID#909 CWE CWE* ID#936 ID#937 ID#206 CWE EIP*',
  ORC: 'EI ID DR DTM EI',
  PRT: 'EI DTM DTM ST ST EI CNE CWE PLN*',
  SPM: 'DTM DTM ID',
};
const laterFrom = { ACC: 13, IN1: 55, MSH: 26, NTE: 9, OBX: 26, ORC: 34, PRT: 16, SPM: 33 };
const extraTypes = { OG: ['ST', 'NM', 'NM', 'ST'] };

function newest(kind) {
  const out = {};
  for (const dictionary of versions) {
    for (const [name, { fields }] of Object.entries(dictionary[kind])) {
      if (!/^[A-Z][A-Z0-9_]*$/.test(name)) continue;
      const list = (out[name] ??= []);
      for (const [index, field] of Object.entries(fields ?? {})) {
        const at = Number(index) - 1;
        const old = list[at];
        const type = (field.type ?? '').toUpperCase();
        const keepOld =
          old !== undefined &&
          !primitive.has(old.type) &&
          primitive.has(type) &&
          type !== 'DTM' &&
          type !== 'VARIES';
        list[at] = {
          type: keepOld ? old.type : type,
          table: field.table ?? old?.table,
          repeats: (field.rep !== undefined && field.rep !== 1) || (keepOld && old.repeats),
        };
      }
    }
  }
  return out;
}

function codes(kind) {
  return Object.fromEntries(
    Object.entries(newest(kind))
      .filter(([, list]) => list.length > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, list]) => [
        name,
        Array.from(list, (field, i) => {
          const fixed = kind === 'segments' ? corrections[`${name}.${i + 1}`] : undefined;
          if (fixed) return fixed;
          if (!field) return 'ST';
          return `${field.type || 'ST'}${field.table ? `#${field.table}` : ''}${kind === 'segments' && field.repeats ? '*' : ''}`;
        }).join(' '),
      ]),
  );
}

function grammar(segments) {
  return Object.entries(segments)
    .map(([name, row], order) => ({ name, row, order }))
    .sort((a, b) => (a.row.idx ?? a.order) - (b.row.idx ?? b.order))
    .flatMap(({ name, row }) => {
      const min = row.min ?? 0;
      const many = row.max === undefined || row.max > 1;
      const suffix = min > 0 ? (many ? '+' : '') : many ? '*' : '?';
      if (row.segments) return [`${name}(${grammar(row.segments)})${suffix}`];
      // `OBR,RQD,RXO`: one of them; each alone is optional.
      const names = name.split(',');
      return names.map((one) => one + (names.length > 1 ? (many ? '*' : '?') : suffix));
    })
    .join(' ');
}

const structures = {};
for (const dictionary of versions)
  for (const [name, { segments }] of Object.entries(dictionary.messages ?? {}))
    if (segments && Object.keys(segments).length > 1 && /^[A-Z0-9]{3}(_[A-Z0-9]{3})?$/.test(name))
      structures[name] = grammar(segments);

const segments = codes('segments');
for (const [name, more] of Object.entries(laterFields))
  segments[name] = [...segments[name].split(' ').slice(0, laterFrom[name] - 1), ...more.split(' ')].join(' ');
const tables = {
  segments,
  types: {
    ...codes('types'),
    ...Object.fromEntries(Object.entries(extraTypes).map(([k, v]) => [k, v.join(' ')])),
  },
  structures,
};
const lines = Object.entries(tables).map(
  ([kind, rows]) =>
    `"${kind}":{\n${Object.entries(rows)
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join(',\n')}\n}`,
);
writeFileSync(
  new URL('../src/dictionary/v2-tables.ts', import.meta.url),
  `// Written by libs/mapping/generate/generate-dictionary.mjs from hl7v2-dictionary 1.8 (HL7 v2.1 to 2.8). Do not edit.
// A field is TYPE, #table where one is bound, * where it repeats. A structure is in the grammar of structure.ts.
export const v2Tables = \`{${lines.join(',\n')}}\`;
`,
);

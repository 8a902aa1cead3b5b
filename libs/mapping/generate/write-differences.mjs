// Writes docs/mapping-differences.md: how our maps stand to the official tables, and where they differ on purpose.
//   npm run build && node libs/mapping/generate/write-differences.mjs [--tables DIR] [--check]
// --check writes nothing; status 1 when a row is neither covered nor explained, or a reason is needless.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareMaps } from './compare-maps.mjs';
import { compareMessages, countMessages } from './compare-messages.mjs';
import { compareTypes, countTypes } from './compare-types.mjs';
import { officialFolder } from './official/command.mjs';
import { root } from './official/our-rules.mjs';
import { compareVocabulary, countVocabulary } from './vocabulary-maps.mjs';

const words = process.argv.slice(2);
const dir = officialFolder(words);

const cell = (text) => text.replaceAll('|', '\\|');

/** A table of reasons, each with all rows that it is given for. */
function reasons(explained) {
  const why = new Map();
  for (const { where, what, by } of explained) {
    const places = why.get(by) ?? why.set(by, new Map()).get(by);
    places.set(where, (places.get(where) ?? new Set()).add(what));
  }
  const lines = [...why].map(([reason, places]) => {
    const list = [...places].map(([where, whats]) => `${where} ${[...whats].join(' ')}`.trim());
    return `| ${cell(list.join('; '))} | ${cell(reason)} |`;
  });
  return ['| where | why |', '|---|---|', ...lines].join('\n');
}

const explainedOnly = (results, where, what) =>
  results
    .filter(({ state }) => state === 'explained')
    .map((one) => ({ where: one[where], what: what(one), by: one.by }));

function document({ segments, messages, types, vocabulary }) {
  const { rows, fields } = segments.summary;
  const message = countMessages(messages);
  const type = countTypes(types);
  const vocab = countVocabulary(vocabulary);
  return `# Where our maps differ from the official HL7 v2-to-FHIR tables
Made by \`node libs/mapping/generate/write-differences.mjs\`. The reasons are kept in \`libs/mapping/generate/official/*.csv\`,
one file for each kind of table; a test fails when a row of the tables is neither followed nor has a reason there.

| | rows | followed | dropped with a reason | different on purpose | open |
|---|---|---|---|---|---|
| 13 message structures: segment of a message to resource | ${message.rows} | ${message.covered} | | ${message.explained} | ${message.missing} |
| 75 segment tables: field to element | ${rows.total} | ${rows.covered} | ${rows.dropped} | ${rows.explained} | ${rows.differing + rows.missing} |
| the same by source field, by the worst row of each | ${fields.total} | ${fields.covered} | ${fields.dropped} | ${fields.explained} | ${fields.differing + fields.missing} |
| 105 data type tables: component to element | ${type.rows} | ${type.covered} | | ${type.explained} | ${type.differing + type.missing} |
| ${vocab.maps} vocabulary maps: code to code | ${vocab.rows} | ${vocab.rows - vocab.rowsExplained - vocab.open} | | ${vocab.rowsExplained} | ${vocab.open} |

Of the vocabulary maps ${vocab.same} say nothing but the code itself in the code system of its HL7 table, which the conversions name without a
table; ${vocab.withTable} are code tables in \`mappings/tables\`; ${vocab.explained} are left out on purpose.

How it is found: of segment and message tables the rules of the maps are read: a row is followed when a rule takes the field to the
resource and element that the table names, or to a resource that this element refers to. Data types are tried: a message with every
component is converted, and again without one; what differs is what the component becomes.

## Messages
${reasons(explainedOnly(messages, 'message', ({ segment, resource }) => `${segment} -> ${resource}`))}

## Segments
${reasons(explainedOnly(segments.results, 'table', ({ source }) => source))}

## Data types
${reasons(explainedOnly(types, 'table', ({ source }) => source))}

## Vocabulary
${reasons(vocabulary.flatMap(({ name, explained }) => explained.map(({ from, reason }) => ({ where: name, what: from, by: reason }))))}
`;
}

if (dir !== undefined) {
  const all = {
    segments: compareMaps(dir),
    messages: compareMessages(dir),
    types: compareTypes(dir),
    vocabulary: compareVocabulary(dir),
  };
  const open = {
    segments: all.segments.results.filter(({ state }) => state === 'missing' || state === 'differing'),
    messages: all.messages.filter(({ state }) => state === 'missing'),
    types: all.types.filter(({ state }) => state === 'missing' || state === 'differing'),
    vocabulary: all.vocabulary.flatMap(({ name, open: list }) =>
      list.map((one) => ({ table: name, ...one })),
    ),
  };
  const lines = Object.entries(open).flatMap(([kind, list]) =>
    list.map(
      ({ table, message, source, from, path, element, resource, official }) =>
        `${kind}: ${table ?? message} ${source ?? path ?? from} -> ${element ?? resource ?? official}`,
    ),
  );
  const stale = all.segments.summary.unused.map(
    ({ table, source, element }) =>
      `differences.csv has a reason for what is no difference: ${table} ${source} ${element}`,
  );
  for (const line of [...lines, ...stale]) process.stdout.write(`${line}\n`);
  process.stdout.write(`neither followed nor explained: ${lines.length}\n`);
  if (!words.includes('--check')) writeFileSync(join(root, 'docs/mapping-differences.md'), document(all));
  process.exitCode = lines.length + stale.length > 0 ? 1 : 0;
}

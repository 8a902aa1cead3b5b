import { columnTypes } from '#csv';
import { expectKeys, testKeys } from '../tests/read-tests.js';
import { columnKeys, csvKeys } from './read-csv-source.js';
import { mergeWords, messageMapKeys, resourceMapKeys } from './read-mapping-file.js';
import { patchKeys } from './read-patch.js';
import { ruleKeys } from './read-rule.js';
import { createStepKeys, eachStepKeys, mapsStepKeys } from './read-steps.js';

type Schema = Readonly<Record<string, unknown>>;

/** What editors show beside a key. */
const help: Readonly<Record<string, string>> = {
  map: 'Name of the map, for instance v2.PID.Patient.',
  patch: 'Name of the map of a lower layer that this layer changes.',
  replace: 'true: stands for the map of that name in a lower layer.',
  remove: 'Names of rules or steps that go: birthDate, telecom[work], drop PID-31, GROUP/v2.NTE.Observation.',
  name: 'Name of a rule in a list, by which a layer finds it.',
  note: 'For people; read by nobody else.',
  source:
    'hl7v2/ and a segment or data type; cda/ and an element; or csv/row; of a map for files of rows csv: and what is known of them.',
  csv: 'Files of rows: delimiter, header, columns ... What is not said is found out, and reported.',
  delimiter: 'One sign, or auto: comma, semicolon, tab or pipe.',
  quote: 'One sign, none or auto.',
  encoding: 'utf-8, windows-1252 ... or auto.',
  header: 'Whether the first row names the columns.',
  decimal: 'The decimal sign.',
  dates:
    'How dates are written, tried in this order: dd.MM.yyyy HH:mm, M/d/yy h:mm a, excel. Otherwise found out.',
  zone: 'Of moments without one: Europe/Stockholm, +01:00; otherwise that of the channel.',
  nulls: 'Cells that say that there is nothing.',
  comment: 'Lines that begin so are no rows; default #.',
  skip: 'Rows whose first cell is one of these words are no data.',
  skip_lines: 'Lines before the header.',
  group: 'Adjacent rows that are equal in these columns are one message; without it every row is one.',
  patient: 'The column that says whom a row is about: rows of one patient stay in order.',
  columns:
    'The columns that rules speak of, each with its type; in the order of the file where it has no header.',
  type: 'What the cells hold.',
  headers: 'What files call the column; upper case, blanks and signs do not count.',
  required: 'column: a file without it is not of this layout; cell: a row without a value is refused too.',
  width: 'Characters, where the columns have a fixed width.',
  create: 'The resource type (of a map), or the map to run (of a step).',
  merge:
    'update: what a message does not value keeps its former content; snapshot: the message says all there is; gather: as snapshot, made by several segments of the message together; refer: only named here, what is stored stays.',
  uses: 'Names of the message map that this map may refer to; each may be missing there.',
  when: 'Condition without which nothing is made.',
  key: 'What identifies the resource; its id is a hash of it.',
  label: 'Lists of expressions: what other resources of the message may call it by.',
  parent:
    'Elements of another resource of the message that list this one, and the labels by which that one is found.',
  set: 'Elements and what they get.',
  drop: 'Values that are not mapped on purpose, with the reason.',
  for: 'Messages this map is for: ORU^R01, or the structure ORU_R01; cda/ClinicalDocument, or a part of documents: cda/act[template=...].',
  structure: 'A structure of the dictionary, or a grammar: MSH PID PV1? ORDER(ORC OBX*)+',
  bundle: 'Type of the bundle that the offline conversion makes.',
  steps: 'What to create, and over which groups.',
  from: 'Where the segments stand, when there are several places: SPECIMEN.OBX',
  as: 'Name for what the step makes; other maps refer to it.',
  maps: 'Path to elements of a document: each goes to the map that is for it.',
  each: 'A group or path (of a step), a path or segment (of a rule): done for every occurrence.',
  use: 'Expression, or rule.',
  value: 'A constant of FHIR.',
  choose: 'Rules in order; the first that gives something wins.',
  by: 'Path whose code decides.',
  cases: 'Codes (several with commas) and what each gets.',
  else: 'What every other code gets.',
};

const expression: Schema = {
  type: ['string', 'number'],
  description:
    "Path, literal, function: PID-3[type=MR].1, 'text', OBX-5 | quantity(OBX-6) as Quantity, A ?? B",
};

function object(
  keys: readonly string[],
  required: readonly string[],
  shapes: Readonly<Record<string, Schema>>,
): Schema {
  const properties = Object.fromEntries(
    keys.map((key) => [
      key,
      { ...(shapes[key] ?? expression), ...(help[key] === undefined ? {} : { description: help[key] }) },
    ]),
  );
  return { type: 'object', additionalProperties: false, required, properties };
}

const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
const expected: Schema = { type: ['string', 'number', 'boolean'] };
const text: Schema = { type: 'string' };
const texts: Schema = { anyOf: [text, { type: 'array', items: text }] };
const labels: Schema = { type: 'array', items: { type: 'array', items: expression } };
const drops: Schema = { type: 'object', additionalProperties: text };
const elements: Schema = { type: 'object', additionalProperties: ref('rule') };
const messageShapes: Readonly<Record<string, Schema>> = {
  replace: { const: true },
  for: texts,
  source: { type: 'object', additionalProperties: false, required: ['csv'], properties: { csv: ref('csv') } },
  bundle: { enum: ['message', 'collection'] },
  steps: { type: 'array', items: ref('step') },
  drop: drops,
};

/** What is known of files of rows. */
function rowsSchemas(): Readonly<Record<string, Schema>> {
  return {
    csv: object(csvKeys, ['columns'], {
      delimiter: text,
      quote: text,
      encoding: text,
      header: { enum: [true, false, 'auto'] },
      decimal: { enum: ['.', ',', 'auto'] },
      dates: texts,
      zone: text,
      nulls: texts,
      comment: text,
      skip: texts,
      skip_lines: { type: 'integer', minimum: 0 },
      group: texts,
      patient: text,
      columns: { type: 'object', minProperties: 1, additionalProperties: ref('column') },
    }),
    column: {
      anyOf: [
        { enum: columnTypes },
        object(columnKeys, [], {
          type: { enum: columnTypes },
          headers: texts,
          required: { enum: ['column', 'cell'] },
          dates: texts,
          width: { type: 'integer', minimum: 1 },
        }),
      ],
    },
  };
}

/** The JSON Schema of mapping files, for editors. mappings/schema/mapping.schema.json holds it; a test compares. */
export function mappingSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://suture.invalid/schema/mapping.schema.json',
    title: 'Suture mapping file',
    anyOf: [ref('resourceMap'), ref('messageMap'), ref('patch')],
    $defs: {
      resourceMap: object(resourceMapKeys, ['map', 'source', 'create', 'key', 'set'], {
        replace: { const: true },
        merge: { enum: mergeWords },
        source: {
          type: 'string',
          pattern: '^(hl7v2/[A-Z][A-Z0-9_]*|cda/((sdtc:)?[A-Za-z][A-Za-z0-9]*|\\*)|csv/row)$',
        },
        uses: texts,
        key: { anyOf: [expression, { type: 'array', items: expression }] },
        label: labels,
        parent: { type: 'object', additionalProperties: labels },
        set: elements,
        drop: drops,
      }),
      messageMap: {
        ...object(messageMapKeys, ['map', 'steps'], messageShapes),
        anyOf: [{ required: ['for'] }, { required: ['source'] }],
      },
      ...rowsSchemas(),
      patch: object(patchKeys, ['patch'], {
        uses: texts,
        key: { anyOf: [expression, { type: 'array', items: expression }] },
        set: elements,
        remove: texts,
        drop: drops,
        steps: { type: 'array', items: ref('step') },
      }),
      step: {
        anyOf: [
          object(createStepKeys, ['create'], {}),
          object(eachStepKeys, ['each', 'steps'], { steps: { type: 'array', items: ref('step') } }),
          object(mapsStepKeys, ['maps'], {}),
        ],
      },
      rule: { anyOf: [expression, { type: 'array', items: ref('rule') }, ref('control')] },
      control: object(ruleKeys, [], {
        name: { ...text, pattern: '^[a-z][A-Za-z0-9_-]*$' },
        use: ref('rule'),
        set: elements,
        value: {},
        choose: { type: 'array', items: ref('rule') },
        cases: elements,
        else: ref('rule'),
      }),
    },
  };
}

/** The JSON Schema of `*.test.yaml`. */
export function mappingTestSchema(): Schema {
  const test = object(testKeys, ['name'], {
    name: text,
    send: { ...text, description: 'A message file, from the folder above the mappings.' },
    message: { ...text, description: 'The message itself; line ends stand for CR.' },
    with: { type: 'object', additionalProperties: text },
    layers: { ...texts, description: 'Layers above suture; default that of the folder, else us.' },
    expect: object(expectKeys, [], {
      resources: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
      values: {
        type: 'object',
        additionalProperties: { anyOf: [expected, { type: 'array', items: expected }] },
      },
      golden: { ...text, description: 'A YAML file beside the test with every resource, whole.' },
      unmapped: { type: 'array', items: text },
      errors: { type: 'array', items: text },
      valid: { type: 'boolean' },
    }),
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://suture.invalid/schema/mapping-test.schema.json',
    title: 'Suture mapping tests',
    type: 'object',
    additionalProperties: false,
    required: ['tests'],
    properties: { tests: { type: 'array', items: test } },
  };
}

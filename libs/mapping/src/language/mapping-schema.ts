import { expectKeys, testKeys } from '../tests/read-tests.js';
import { messageMapKeys, resourceMapKeys } from './read-mapping-file.js';
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
  source: 'hl7v2/ and a segment or data type; cda/ and an element.',
  create: 'The resource type (of a map), or the map to run (of a step).',
  merge:
    'update: what a message does not value keeps its former content; snapshot: the message says all there is; gather: as snapshot, made by several segments of the message together.',
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
        merge: { enum: ['snapshot', 'update', 'gather'] },
        source: {
          type: 'string',
          pattern: '^(hl7v2/[A-Z][A-Z0-9_]*|cda/((sdtc:)?[A-Za-z][A-Za-z0-9]*|\\*))$',
        },
        uses: texts,
        key: { anyOf: [expression, { type: 'array', items: expression }] },
        label: labels,
        parent: { type: 'object', additionalProperties: labels },
        set: elements,
        drop: drops,
      }),
      messageMap: object(messageMapKeys, ['map', 'for', 'steps'], {
        replace: { const: true },
        for: texts,
        bundle: { enum: ['message', 'collection', 'document'] },
        steps: { type: 'array', items: ref('step') },
        drop: drops,
      }),
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

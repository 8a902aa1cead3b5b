import type { CsvSource } from '#csv';
import { isComposite, isKnownSegment, rowSegment } from '../dictionary/v2-dictionary.js';
import { checkDocument } from './check-document.js';
import type { MapSource, MessageMapSource, PatchSource, ResourceMapSource } from './mapping-file.js';
import type { Problems } from './problems.js';
import { isElementClaim, readClaim } from './read-claim.js';
import { readCsvSource } from './read-csv-source.js';
import {
  checkKeys,
  listOf,
  readDrops,
  readKeyParts,
  readName,
  readUses,
  readWhen,
  readWord,
  text,
} from './read-keys.js';
import { readLabels, readParents } from './read-links.js';
import { readPatch } from './read-patch.js';
import { readElementRules } from './read-rule.js';
import { readSteps } from './read-steps.js';
import { entryOf, type MapEntry, type MapNode, readYaml } from './yaml-node.js';

export const resourceMapKeys = [
  'map',
  'note',
  'replace',
  'source',
  'create',
  'merge',
  'uses',
  'when',
  'key',
  'label',
  'parent',
  'set',
  'drop',
] as const;
export const messageMapKeys = [
  'map',
  'note',
  'replace',
  'for',
  'source',
  'structure',
  'bundle',
  'steps',
  'drop',
] as const;

export const mergeWords = ['snapshot', 'update', 'gather', 'refer'] as const;
/** The source of a map of rows. */
const rowSource = 'csv/row';
/** Every row is a group of its own, so that what is made of one row is not taken for another's. */
const rowStructure = `${rowSegment}(${rowSegment})*`;

/** What one mapping file says. */
export interface MappingFile {
  readonly maps: readonly MapSource[];
  readonly patches: readonly PatchSource[];
  /** Names of maps that have, or whose patch has, a mistake: they are left out. */
  readonly wrong: readonly string[];
  /** False: there are documents of which not even the map is known that they speak of. */
  readonly readable: boolean;
}

/** Reads one mapping file. Whatever is wrong goes to `problems`; a map or patch with a mistake is left out. */
export function readMappingFile(file: string, content: string, problems: Problems): MappingFile {
  const maps: MapSource[] = [];
  const patches: PatchSource[] = [];
  const wrong: string[] = [];
  const nodes = readYaml(content, problems);
  const readable = problems.list.length === 0;
  for (const node of nodes) {
    const before = problems.list.length;
    const isPatch = entryOf(node, 'patch') !== undefined;
    const one = isPatch ? readPatch(node, file, problems) : readMap(node, file, problems);
    if (one && problems.list.length === before) checkDocument(one, problems);
    if (one && problems.list.length === before) {
      if (one.kind === 'patch') patches.push(one);
      else maps.push(one);
      continue;
    }
    const name = entryOf(node, isPatch ? 'patch' : 'map')?.value;
    if (name?.kind === 'scalar') wrong.push(name.text);
  }
  return { maps, patches, wrong, readable };
}

function readMap(node: MapNode, file: string, problems: Problems): MapSource | undefined {
  const isMessage = entryOf(node, 'for') ?? entryOf(node, 'source')?.value.kind === 'map';
  return isMessage ? readMessageMap(node, file, problems) : readResourceMap(node, file, problems);
}

function readResourceMap(node: MapNode, file: string, problems: Problems): ResourceMapSource | undefined {
  checkKeys(node, resourceMapKeys, problems);
  const name = readName(node, 'map', problems);
  const source = text(node, 'source', problems);
  const create = text(node, 'create', problems);
  const setEntry = entryOf(node, 'set');
  if (!setEntry) problems.add(node, 'MAPPING_KEY_MISSING', "'set' is missing", 'add set: with the elements');
  const found = source && sourceOf(source.text);
  if (source && !found)
    problems.add(
      source.place,
      'MAPPING_SOURCE',
      `'${source.text}' is no source`,
      'write hl7v2/ and a segment or data type, cda/ and an element, or csv/row: hl7v2/PID, cda/observation',
    );
  const key = readKeyParts(node, problems);
  if (key.length === 0 && !entryOf(node, 'key'))
    problems.add(
      node,
      'MAPPING_KEY_MISSING',
      "'key' is missing: ids must be the same on every run",
      'add key: with the paths that identify the resource',
    );
  const merge = readWord(node, 'merge', mergeWords, problems);
  const when = readWhen(node, problems);
  const set = setEntry ? readElementRules(setEntry.value, problems) : [];
  const drop = readDrops(node, problems);
  if (!name || !source || !found || !create) return undefined;
  return {
    kind: 'resource',
    name: name.text,
    file,
    place: name.place,
    replaces: readWord(node, 'replace', ['true'], problems) === 'true',
    source: { ...found, place: source.place },
    create: { type: create.text, place: create.place },
    merge: mergeWords.find((word) => word === merge) ?? 'snapshot',
    when,
    uses: readUses(node, problems),
    key,
    labels: readLabels(node, problems),
    parents: readParents(node, problems),
    set,
    drop,
  };
}

/** What `source:` of a resource map names. */
function sourceOf(written: string): Pick<ResourceMapSource['source'], 'kind' | 'name'> | undefined {
  if (written === rowSource) return { kind: 'segment', name: rowSegment };
  const [, segment, element] =
    /^(?:hl7v2\/([A-Z][A-Z0-9_]*)|cda\/((?:sdtc:)?[A-Za-z][A-Za-z0-9]*|\*))$/.exec(written) ?? [];
  if (element !== undefined) return { kind: 'element', name: element };
  if (segment === undefined) return undefined;
  return { kind: !isKnownSegment(segment) && isComposite(segment) ? 'value' : 'segment', name: segment };
}

function readMessageMap(node: MapNode, file: string, problems: Problems): MessageMapSource | undefined {
  checkKeys(node, messageMapKeys, problems);
  const name = readName(node, 'map', problems);
  const claims = listOf(entryOf(node, 'for')).flatMap((item) => readClaim(item, problems));
  const isCda = claims.some(isElementClaim);
  if (isCda && !claims.every(isElementClaim))
    problems.add(node, 'MAPPING_FOR', 'a map is for messages or for documents', 'write two maps');
  const entry = entryOf(node, 'source');
  const rows = entry && name && readRows(name.text, entry, problems);
  const structure = isCda
    ? { text: '', place: node }
    : entry
      ? { text: rowStructure, place: entry.keyPlace }
      : text(node, 'structure', problems);
  const usual = isCda ? 'document' : rows ? 'collection' : 'message';
  const bundle = readWord(node, 'bundle', [...new Set([usual, 'collection'])], problems);
  const steps = readSteps(entryOf(node, 'steps'), node, problems);
  const drop = readDrops(node, problems);
  if (!name || !structure || (entry && !rows)) return undefined;
  return {
    kind: 'message',
    name: name.text,
    file,
    place: name.place,
    replaces: readWord(node, 'replace', ['true'], problems) === 'true',
    format: isCda ? 'cda' : 'hl7v2',
    for: claims,
    structure,
    rows,
    bundle: bundle === 'collection' ? bundle : usual,
    steps,
    drop,
  };
}

/** The layout under `source: csv:` of a message map. */
function readRows(name: string, source: MapEntry, problems: Problems): CsvSource | undefined {
  const csv = source.value.kind === 'map' ? entryOf(source.value, 'csv') : undefined;
  if (source.value.kind === 'map' && csv) {
    checkKeys(source.value, ['csv'], problems);
    return readCsvSource(name, csv, problems);
  }
  problems.add(
    source.keyPlace,
    'MAPPING_SOURCE',
    'the source of a message map is csv, or it is for HL7 messages or documents',
    'write source: and below it csv: with columns, or for:',
  );
  return undefined;
}

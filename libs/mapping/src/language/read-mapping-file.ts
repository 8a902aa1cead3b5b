import { isComposite, isKnownSegment } from '../dictionary/v2-dictionary.js';
import { checkDocument } from './check-document.js';
import { ExpressionMistake } from './expression-mistake.js';
import type { MapSource, MessageMapSource, PatchSource, ResourceMapSource } from './mapping-file.js';
import type { Place } from './place.js';
import type { Problems } from './problems.js';
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
  textOf,
} from './read-keys.js';
import { readLabels, readParents } from './read-links.js';
import { readPatch } from './read-patch.js';
import { readElementRules } from './read-rule.js';
import { readSteps } from './read-steps.js';
import { parseXmlPath } from './xml-path.js';
import { entryOf, type MapNode, readYaml, type YamlNode } from './yaml-node.js';

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
  'structure',
  'bundle',
  'steps',
  'drop',
] as const;

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
  return entryOf(node, 'for') ? readMessageMap(node, file, problems) : readResourceMap(node, file, problems);
}

function readResourceMap(node: MapNode, file: string, problems: Problems): ResourceMapSource | undefined {
  checkKeys(node, resourceMapKeys, problems);
  const name = readName(node, 'map', problems);
  const source = text(node, 'source', problems);
  const create = text(node, 'create', problems);
  const setEntry = entryOf(node, 'set');
  if (!setEntry) problems.add(node, 'MAPPING_KEY_MISSING', "'set' is missing", 'add set: with the elements');
  const match =
    source && /^(?:hl7v2\/([A-Z][A-Z0-9_]*)|cda\/((?:sdtc:)?[A-Za-z][A-Za-z0-9]*|\*))$/.exec(source.text);
  if (source && !match)
    problems.add(
      source.place,
      'MAPPING_SOURCE',
      `'${source.text}' is no source`,
      'write hl7v2/ and a segment or data type, or cda/ and an element: hl7v2/PID, cda/observation',
    );
  const key = readKeyParts(node, problems);
  if (key.length === 0 && !entryOf(node, 'key'))
    problems.add(
      node,
      'MAPPING_KEY_MISSING',
      "'key' is missing: ids must be the same on every run",
      'add key: with the paths that identify the resource',
    );
  const merge = readWord(node, 'merge', ['snapshot', 'update', 'gather'], problems);
  const when = readWhen(node, problems);
  const set = setEntry ? readElementRules(setEntry.value, problems) : [];
  const drop = readDrops(node, problems);
  if (!name || !source || !match || !create) return undefined;
  const [, segment, element] = match;
  const sourceName = segment ?? element ?? '';
  return {
    kind: 'resource',
    name: name.text,
    file,
    place: name.place,
    replaces: readWord(node, 'replace', ['true'], problems) === 'true',
    source: {
      kind: sourceKind(segment),
      name: sourceName,
      place: source.place,
    },
    create: { type: create.text, place: create.place },
    merge: merge === 'update' || merge === 'gather' ? merge : 'snapshot',
    when,
    uses: readUses(node, problems),
    key,
    labels: readLabels(node, problems),
    parents: readParents(node, problems),
    set,
    drop,
  };
}

/** Without a segment it is an element. */
function sourceKind(segment: string | undefined): ResourceMapSource['source']['kind'] {
  if (segment === undefined) return 'element';
  return !isKnownSegment(segment) && isComposite(segment) ? 'value' : 'segment';
}

function readMessageMap(node: MapNode, file: string, problems: Problems): MessageMapSource | undefined {
  checkKeys(node, messageMapKeys, problems);
  const name = readName(node, 'map', problems);
  const claims = listOf(entryOf(node, 'for')).flatMap((item) => readClaim(item, problems));
  const isCda = claims.some((claim) => claim.text.startsWith(elementClaim));
  if (isCda && !claims.every((claim) => claim.text.startsWith(elementClaim)))
    problems.add(node, 'MAPPING_FOR', 'a map is for messages or for documents', 'write two maps');
  const structure = isCda ? { text: '', place: node } : text(node, 'structure', problems);
  const bundle = readWord(
    node,
    'bundle',
    isCda ? ['document', 'collection'] : ['message', 'collection'],
    problems,
  );
  const steps = readSteps(entryOf(node, 'steps'), node, problems);
  const drop = readDrops(node, problems);
  if (!name || !structure) return undefined;
  return {
    kind: 'message',
    name: name.text,
    file,
    place: name.place,
    replaces: readWord(node, 'replace', ['true'], problems) === 'true',
    format: isCda ? 'cda' : 'hl7v2',
    for: claims,
    structure,
    bundle: bundle === 'collection' ? bundle : isCda ? 'document' : 'message',
    steps,
    drop,
  };
}

const elementClaim = 'cda/';

function readClaim(item: YamlNode, problems: Problems): { text: string; place: Place }[] {
  const claim = textOf(item, 'for', problems);
  if (!claim || /^[A-Z0-9]{3}(?:\^[A-Z0-9]{3}|_[A-Z0-9]{3})?$/.test(claim.text)) return claim ? [claim] : [];
  if (claim.text.startsWith(elementClaim)) {
    const mistake = claimMistake(claim.text.slice(elementClaim.length));
    if (mistake === undefined) return [claim];
    problems.add(claim.place, 'MAPPING_FOR', mistake.message, mistake.remedy);
    return [];
  }
  problems.add(
    claim.place,
    'MAPPING_FOR',
    `'${claim.text}' names no message`,
    'write ORU^R01 (type and trigger), ORU_R01 (structure), cda/ClinicalDocument or cda/act[template=...]',
  );
  return [];
}

/** What is wrong with an element and its predicates. */
function claimMistake(element: string): Pick<ExpressionMistake, 'message' | 'remedy'> | undefined {
  try {
    const [only, ...others] = parseXmlPath(element, 0);
    if (only?.axis === 'child' && others.length === 0) return undefined;
    return {
      message: `'${element}' is no element`,
      remedy: 'write its name and predicates: act[template=...]',
    };
  } catch (error) {
    if (error instanceof ExpressionMistake) return error;
    throw error;
  }
}

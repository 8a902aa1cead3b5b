import { bundleOf, type FhirObject, writeJson } from '#fhir';
import { parseMessage, readMessageHeader } from '#hl7v2';
import { isEngineError } from '#kernel';
import {
  type DroppedLeaf,
  type MappedResource,
  type MappingFailure,
  type MappingSet,
  mergeUpdate,
} from '#mapping';
import type { ChannelChoice } from './channel-choice.js';

/** What stands in a `.report.json`. Places of the second and later messages of a file begin with `#2 `. */
export interface ConversionReport {
  readonly source: string;
  readonly format: 'hl7v2' | 'xml' | 'csv' | 'unknown';
  /** `partly`: some messages of the file were refused. */
  readonly outcome: 'converted' | 'partly' | 'refused';
  readonly messages: number;
  /** Names of the maps that ran. */
  readonly maps: readonly string[];
  readonly mapped: number;
  readonly dropped: readonly DroppedLeaf[];
  readonly unmapped: readonly string[];
  readonly errors: readonly MappingFailure[];
}

export interface Conversion {
  /** JSON text of one Bundle; undefined when the file was refused. */
  readonly bundle: string | undefined;
  readonly report: ConversionReport;
}

export interface ConversionContext {
  readonly mappings: MappingSet;
  readonly channels: ChannelChoice;
  readonly tenant: string;
}

/** The messages of one HL7 v2 file as one Bundle: that of its map for one message, a collection for several. */
export function convertMessages(
  source: string,
  messages: readonly Buffer[],
  context: ConversionContext,
): Conversion {
  const gathered = new Gathered();
  let bundleType: 'message' | 'collection' = 'collection';
  let refused = 0;
  for (const [index, raw] of messages.entries()) {
    const type = convertOne(raw, index === 0 ? '' : `#${index + 1} `, context, gathered);
    if (type === undefined) refused++;
    else if (messages.length === 1) bundleType = type;
  }
  const outcome = refused === 0 ? 'converted' : refused === messages.length ? 'refused' : 'partly';
  const { mapped, dropped, unmapped, errors } = gathered;
  const maps = [...gathered.maps];
  const report = {
    source,
    format: 'hl7v2',
    outcome,
    messages: messages.length,
    maps,
    mapped,
    dropped,
    unmapped,
    errors,
  } as const;
  return { bundle: outcome === 'refused' ? undefined : bundleOf(bundleType, gathered.texts()), report };
}

/** A file that holds nothing that can be converted. */
export function refusedFile(
  source: string,
  format: ConversionReport['format'],
  code: string,
  message: string,
): Conversion {
  const errors = [{ code, path: '', rule: '', message }];
  const none = { messages: 0, maps: [], mapped: 0, dropped: [], unmapped: [] };
  return { bundle: undefined, report: { source, format, outcome: 'refused', ...none, errors } };
}

/** Without these nothing can be read; other defects of the header are noted, and the content is converted. */
const unreadable: ReadonlySet<string> = new Set([
  'HL7_MSH_MISSING',
  'HL7_SEPARATORS_INVALID',
  'HL7_MESSAGE_TYPE_MISSING',
]);

/** The bundle type of the map that ran; undefined: the message was refused, and the errors say why. */
function convertOne(
  raw: Buffer,
  prefix: string,
  { mappings, channels, tenant }: ConversionContext,
  gathered: Gathered,
): 'message' | 'collection' | undefined {
  const header = readMessageHeader(raw);
  const refuse = (code: string, path: string, message: string) => {
    gathered.errors.push({ code, path: prefix + path, rule: '', message });
    return undefined;
  };
  const { defect, messageCode, triggerEvent, messageStructure } = header;
  if (defect !== undefined) {
    refuse(defect.code, defect.location.replaceAll('^', '-'), defect.message);
    if (unreadable.has(defect.code)) return undefined;
  }
  const type = `${messageCode}^${triggerEvent}`;
  const map = mappings.forMessage(messageCode, triggerEvent, messageStructure || undefined);
  if (map === undefined) return refuse('MAPPING_MISSING', 'MSH[1]-9[1]', `no valid mapping claims ${type}`);
  try {
    const { parameters } = channels.of(type);
    const { resources, report } = map.run(parseMessage(raw), { tenant, parameters, account: 'full' });
    gathered.maps.add(map.name);
    gathered.mapped += report.mapped;
    for (const leaf of report.dropped) gathered.dropped.push({ ...leaf, path: prefix + leaf.path });
    for (const place of report.unmapped) gathered.unmapped.push(prefix + place);
    for (const error of report.errors) gathered.errors.push({ ...error, path: prefix + error.path });
    if (resources.length === 0)
      return refuse('MAPPING_EMPTY', '', `mapping ${map.name} made no resource of it`);
    for (const resource of resources) gathered.add(resource);
    return map.bundleType;
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return refuse(error.code, '', error.message);
  }
}

/** What the messages of one file made, as the store would have it after the last of them. */
class Gathered {
  readonly maps = new Set<string>();
  mapped = 0;
  readonly dropped: DroppedLeaf[] = [];
  readonly unmapped: string[] = [];
  readonly errors: MappingFailure[] = [];
  private readonly resources = new Map<string, FhirObject>();

  add(incoming: MappedResource): void {
    const key = `${incoming.type}/${incoming.id}`;
    const former = this.resources.get(key);
    const merges = former !== undefined && incoming.merge === 'update';
    this.resources.set(key, merges ? mergeUpdate(former, incoming) : incoming.resource);
  }

  texts(): string[] {
    return [...this.resources.values()].map(writeJson);
  }
}

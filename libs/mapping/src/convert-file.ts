import { isXml } from '#cda';
import { bundleOf, writeJson } from '#fhir';
import { type Message, parseMessage, splitBatch } from '#hl7v2';
import { isEngineError } from '#kernel';
import { convertDocument } from './convert-document.js';
import type { ConvertedFile, ConvertedMessage, ConvertOptions } from './converted-file.js';
import type { MappingReport } from './mapping-result.js';
import type { MappingSet } from './mapping-set.js';

/**
 * Converts a file of HL7 v2 (one message, several, a batch, MLLP frames) or a document of CDA without a server. One message gives the
 * bundle its map names; several give one `collection`. Equal bytes, options and maps give equal text.
 */
export function convertFile(bytes: Buffer, set: MappingSet, options: ConvertOptions): ConvertedFile {
  if (isXml(bytes)) return convertDocument(bytes, set, options);
  const { messages } = splitBatch(bytes);
  const entries = new Map<string, string>();
  const converted = messages.map((raw, i) => convertMessage(raw, i + 1, set, options, entries));
  if (messages.length === 0)
    converted.push(refused(1, '', 'HL7_MSH_MISSING', 'there is no MSH segment in the file'));
  if (entries.size === 0) return { bundle: undefined, messages: converted };
  const [only] = converted;
  const type = converted.length === 1 && only?.bundleType === 'message' ? 'message' : 'collection';
  const facts = type === 'message' && only?.timestamp !== undefined ? { timestamp: only.timestamp } : {};
  const bundle = withIdentifier(
    bundleOf(type, [...entries.values()], facts),
    converted.length === 1 ? only?.controlId : undefined,
  );
  return { bundle, messages: converted.map(publicPart) };
}

interface Converted extends ConvertedMessage {
  readonly bundleType: 'message' | 'collection';
  readonly controlId: string | undefined;
  readonly timestamp: string | undefined;
}

function publicPart({ number, type, map, report, lineage, refusal }: Converted): ConvertedMessage {
  return { number, type, map, report, lineage, refusal };
}

function refused(number: number, type: string, code: string, message: string): Converted {
  return {
    number,
    type,
    map: undefined,
    report: undefined,
    lineage: undefined,
    refusal: { code, message },
    bundleType: 'collection',
    controlId: undefined,
    timestamp: undefined,
  };
}

function convertMessage(
  raw: Buffer,
  number: number,
  set: MappingSet,
  { tenant, parameters = {}, lineage = false }: ConvertOptions,
  entries: Map<string, string>,
): Converted {
  let message: Message;
  try {
    message = parseMessage(raw);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return refused(number, '', error.code, error.message);
  }
  const msh = message.first('MSH');
  const [code = '', trigger = '', structure] = [1, 2, 3].map((part) => msh?.value(9, 1, part) ?? undefined);
  const type = trigger === '' ? code : `${code}^${trigger}`;
  const unreadable = message.problems.find((problem) => problem.severity === 'error');
  if (unreadable) return refused(number, type, unreadable.code, unreadable.detail);
  const map = set.forMessage(code, trigger, structure);
  if (!map) {
    const none = refused(number, type, 'MAPPING_NONE', `no map is for ${type}`);
    return { ...none, report: allUnmapped(message) };
  }
  const { resources, report } = map.run(message, { tenant, parameters, account: 'full' });
  for (const { type: kind, id, resource } of resources) entries.set(`${kind}/${id}`, writeJson(resource));
  return {
    number,
    type,
    map: map.name,
    report,
    lineage: lineage ? [...map.lineage(message, { tenant, parameters })] : undefined,
    refusal: undefined,
    bundleType: map.bundleType === 'message' ? 'message' : 'collection',
    controlId: msh?.value(10) ?? undefined,
    timestamp: map.timestamp(message, parameters),
  };
}

/** The account of a message that nobody maps: every leaf is unmapped. */
function allUnmapped(message: Message): MappingReport {
  const unmapped: string[] = [];
  message.eachLeaf((segment, field, repetition, component, subcomponent) => {
    unmapped.push(segment.path(field, repetition, component, subcomponent));
  });
  return { mapped: 0, droppedCount: 0, unmappedCount: unmapped.length, dropped: [], unmapped, errors: [] };
}

/** R4 Bundle.identifier of a message is its control id (v2-to-FHIR MSH[Bundle]). */
function withIdentifier(bundle: string, controlId: string | undefined): string {
  if (controlId === undefined) return bundle;
  const head = '{"resourceType":"Bundle"';
  return `${head},"identifier":${JSON.stringify({ value: controlId })}${bundle.slice(head.length)}`;
}

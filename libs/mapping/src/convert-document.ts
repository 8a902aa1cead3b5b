import { type CdaDocument, parseDocument } from '#cda';
import { bundleOf, type FhirObject, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import type { ConvertedFile, ConvertedMessage, ConvertOptions } from './converted-file.js';
import type { MappedResource } from './mapping-result.js';
import type { MappingSet } from './mapping-set.js';

/** Converts one document; `convertFile` says what holds. */
export function convertDocument(
  bytes: Buffer,
  set: MappingSet,
  { tenant, parameters = {}, lineage = false }: ConvertOptions,
): ConvertedFile {
  let document: CdaDocument;
  try {
    document = parseDocument(bytes);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return refused('', error.code, error.message);
  }
  const type = document.root.name;
  const map = set.forSource(document);
  if (!map) return refused(type, 'MAPPING_NONE', `no map is for documents of ${type}`);
  const { resources, report } = map.run(document, { tenant, parameters, account: 'full' });
  const message: ConvertedMessage = {
    number: 1,
    type,
    map: map.name,
    report,
    lineage: lineage ? [...map.lineage(document, { tenant, parameters })] : undefined,
    refusal: undefined,
  };
  const bundle = resources.length === 0 ? undefined : bundleText(resources);
  return { bundle, messages: [message] };
}

/** R4 bdl-9 to bdl-11: a document has an identifier, a time and a Composition; what has them not is a collection. */
function bundleText(resources: readonly MappedResource[]): string {
  const texts = resources.map(({ resource }) => writeJson(resource));
  const [first] = resources;
  const identifier =
    first?.type === 'Composition' ? (first.resource['identifier'] as FhirObject | undefined) : undefined;
  const timestamp = first && instantOf(first.resource['date']);
  if (!identifier?.['system'] || !identifier['value'] || timestamp === undefined)
    return bundleOf('collection', texts);
  const bundle = bundleOf('document', texts, { timestamp });
  const head = '{"resourceType":"Bundle"';
  return `${head},"identifier":${writeJson(identifier)}${bundle.slice(head.length)}`;
}

/** A date without a time of day begins with its day. */
function instantOf(date: unknown): string | undefined {
  if (typeof date !== 'string') return undefined;
  if (date.length > 10) return date;
  return `${date.padEnd(10, '-01')}T00:00:00Z`;
}

function refused(type: string, code: string, message: string): ConvertedFile {
  const none = { map: undefined, report: undefined, lineage: undefined };
  return { bundle: undefined, messages: [{ number: 1, type, ...none, refusal: { code, message } }] };
}

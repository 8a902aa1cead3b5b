import { type FhirObject, headOf, readJson } from '#fhir';
import { stableId } from '#kernel';

/** A resource on its way to a FHIR server. */
export interface OutgoingResource {
  /** `Type/id`: how others of the message refer to it. */
  readonly name: string;
  readonly type: string;
  /** JSON text; without an id where the server is to find its own. */
  readonly text: string;
  /** `Type?identifier=...`; undefined: it goes under our id. */
  readonly condition: string | undefined;
}

export interface OutgoingOptions {
  /** By resource type the identifier system by which the server finds its own. */
  readonly identifiers: ReadonlyMap<string, string>;
  /** Resource types that are left out. */
  readonly without: ReadonlySet<string>;
}

/**
 * A reference to a resource of ours, in text as `writeJson` wrote it: inside a string its quotes would be escaped. A version
 * is ours, and means nothing to another server.
 */
const REFERENCE =
  /"reference":"([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?"/g;

/** The resources of a message as a FHIR server is to get them. */
export function outgoingResources(
  resources: readonly Buffer[],
  { identifiers, without }: OutgoingOptions,
): OutgoingResource[] {
  return resources.flatMap((bytes): OutgoingResource[] => {
    const text = bytes.toString();
    const { type, id } = headOf(text);
    if (without.has(type)) return [];
    const system = identifiers.get(type);
    const value = system === undefined ? undefined : identifierOf(readJson(text) as FhirObject, system);
    if (system === undefined || value === undefined)
      return [{ name: `${type}/${id}`, type, text, condition: undefined }];
    const query = encodeURIComponent(`${system}|${value.replace(/[\\,|$]/g, '\\$&')}`);
    const start = `{"resourceType":"${type}","id":"${id}"`;
    return [
      {
        name: `${type}/${id}`,
        type,
        // With an id of ours the server would have to have it under that id (R4 http, section 3.1.0.4.3).
        text: `{"resourceType":"${type}"${text.slice(start.length)}`,
        condition: `${type}?identifier=${query}`,
      },
    ];
  });
}

/** The text with each reference to a resource of ours as `rename` says; what it leaves undefined only loses its version. */
export function withReferences(text: string, rename: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (_, name: string) => `"reference":${JSON.stringify(rename(name) ?? name)}`);
}

/** The resources so that each comes after those it refers to; where they refer to each other in a circle, as they stand. */
export function inOrderOfReference(resources: readonly OutgoingResource[]): OutgoingResource[] {
  const byName = new Map(resources.map((resource) => [resource.name, resource]));
  const ordered = new Set<OutgoingResource>();
  const begun = new Set<OutgoingResource>();
  const place = (resource: OutgoingResource): void => {
    if (begun.has(resource)) return;
    begun.add(resource);
    for (const [, name = ''] of resource.text.matchAll(REFERENCE)) {
      const wanted = byName.get(name);
      if (wanted !== undefined) place(wanted);
    }
    ordered.add(resource);
  };
  for (const resource of resources) place(resource);
  return [...ordered];
}

/** The name of an entry of a transaction that has no id yet; the same at every attempt (RFC 9562, version 8). */
export function entryName({ name }: OutgoingResource): string {
  const hex = stableId('entry', 'uuid', [name]);
  return `urn:uuid:${hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-8$3-8$4-$5')}`;
}

function identifierOf(resource: FhirObject, system: string): string | undefined {
  const identifiers = resource['identifier'];
  const found = [identifiers].flat().find((one) => (one as FhirObject | undefined)?.['system'] === system);
  const value = (found as FhirObject | undefined)?.['value'];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

import type { FhirObject } from '#fhir';
import { localAuthority, uriOf } from '../code-systems.js';
import type { Convert } from '../convert.js';
import type { Vocabulary } from '../vocabulary.js';
import { attributeText, elementOf } from './element-parts.js';

const uriSystem = 'urn:ietf:rfc:3986';
/** The OID of URIs (guide, CDA id to FHIR identifier): what stands behind it is a URI, of a system and a value in it. */
const uriOid = '2.16.840.1.113883.4.873';

function dividedUri(uri: string): FhirObject {
  const at = uri.lastIndexOf(/^urn:/i.test(uri) ? ':' : '/');
  const isWhole = at <= 'https://'.length && !/^urn:[^:]+:./i.test(uri);
  if (isWhole || at === uri.length - 1) return { system: uriSystem, value: uri };
  return { system: uri.slice(0, at), value: uri.slice(at + 1) };
}

/**
 * II to Identifier (C-CDA on FHIR, identifiers): root and extension are system and value; a root alone is a URI of its own
 * (`urn:oid:`, `urn:uuid:`).
 */
export function elementIdentifierConvert(vocabulary: Vocabulary): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const root = attributeText(run, element, 'root');
    const extension = attributeText(run, element, 'extension');
    if (root === undefined && extension === undefined) return undefined;
    const identifier: FhirObject = root === uriOid && extension !== undefined ? dividedUri(extension) : {};
    if (identifier['value'] !== undefined) return identifier;
    if (root !== undefined && extension !== undefined) identifier['system'] = systemOf(vocabulary, root);
    else if (root !== undefined) identifier['system'] = uriSystem;
    identifier['value'] = extension ?? uriOfRoot(root ?? '');
    const assigner = attributeText(run, element, 'assigningAuthorityName');
    if (assigner !== undefined) identifier['assigner'] = { display: assigner };
    return identifier;
  };
}

/** The URI that identifies alone: for elements that take one. */
export function elementUriConvert(vocabulary: Vocabulary): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const root = attributeText(run, element, 'root');
    if (root === undefined) return attributeText(run, element, 'value')?.replaceAll(/\s/g, '%20');
    const extension = attributeText(run, element, 'extension');
    return extension === undefined
      ? uriOfRoot(root)
      : `${systemOf(vocabulary, root)}#${encodeURIComponent(extension)}`;
  };
}

function systemOf(vocabulary: Vocabulary, root: string): string {
  return vocabulary.translate('authorities', root) ?? uriOf(root) ?? localAuthority(root);
}

function uriOfRoot(root: string): string {
  if (/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(root)) return `urn:oid:${root}`;
  return uriOf(root) ?? localAuthority(root);
}

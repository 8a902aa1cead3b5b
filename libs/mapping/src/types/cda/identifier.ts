import type { FhirObject } from '#fhir';
import { localAuthority, uriOf } from '../code-systems.js';
import type { Convert } from '../convert.js';
import type { Vocabulary } from '../vocabulary.js';
import { attributeText, elementOf } from './element-parts.js';

const uriSystem = 'urn:ietf:rfc:3986';

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
    const identifier: FhirObject = {};
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

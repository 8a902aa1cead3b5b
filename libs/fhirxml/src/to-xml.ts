import { Decimal, type FhirObject, type FhirValue, isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { withoutNamedEntities } from './entities.js';
import { readNarrative } from './narrative.js';
import { type XmlMember, type XmlNode, xmlNode } from './xml-node.js';

/** As deep as `readJson` reads, in objects. */
const depthMax = 64;
const escaped = /[&<>"\t\n\r]/g;
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
/** What no XML document may hold, not even as a number. */
const forbidden =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The XML of a resource (R4, section 2.6.1): elements in the order of R4, decimals with their digits, the narrative as it
 * is. `rejected` for a tree that is no resource of R4 (unknown members, values in wrong places, a narrative that is not
 * well-formed) or that XML cannot hold (control characters); what only validation sees passes.
 */
export function toXml(resource: FhirObject): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${resourceXml(resource, ' xmlns="http://hl7.org/fhir"', 0)}`;
}

function refuse(code: string, path: string, message: string): never {
  throw new EngineError('rejected', code, `${path}: ${message}`);
}

function resourceXml(resource: FhirValue, namespace: string, depth: number): string {
  const type = isObject(resource) ? resource['resourceType'] : undefined;
  if (!isObject(resource) || typeof type !== 'string' || !isResourceType(type))
    throw new EngineError('rejected', 'FHIRXML_NO_RESOURCE', 'resourceType is missing or none of R4');
  const children = childrenXml(xmlNode(type), resource, depth + 1);
  return children === '' ? `<${type}${namespace}/>` : `<${type}${namespace}>${children}</${type}>`;
}

function isObject(value: FhirValue | undefined): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

function childrenXml(node: XmlNode, value: FhirObject, depth: number): string {
  if (depth > depthMax) refuse('FHIRXML_TOO_DEEP', node.path, `nested more than ${depthMax} deep`);
  checkNames(node, value);
  let out = '';
  for (const member of node.members.values()) {
    if (member.form === 'attribute') continue;
    const plain = value[member.name];
    const beside = member.form === 'primitive' ? value[`_${member.name}`] : undefined;
    if (plain === undefined && beside === undefined) continue;
    const where = `${node.path}.${member.name}`;
    if (!member.many) {
      if (Array.isArray(plain) || Array.isArray(beside))
        refuse('FHIRXML_VALUE', where, 'an array for one value');
      out += memberXml(member, plain ?? null, beside ?? null, { where, depth });
      continue;
    }
    const [values, extras] = [itemsOf(plain, where), itemsOf(beside, where)];
    for (let i = 0; i < Math.max(values.length, extras.length); i++)
      out += memberXml(member, values[i] ?? null, extras[i] ?? null, { where, depth });
  }
  return out;
}

function itemsOf(value: FhirValue | undefined, where: string): readonly FhirValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : refuse('FHIRXML_VALUE', where, 'one value for an array');
}

function checkNames(node: XmlNode, value: FhirObject): void {
  for (const name in value) {
    if (value[name] === undefined || node.members.has(name) || name === 'resourceType') continue;
    if (name.startsWith('_') && node.members.get(name.slice(1))?.form === 'primitive') continue;
    refuse('FHIRXML_UNKNOWN_MEMBER', node.path, 'a member that R4 does not have here');
  }
}

interface Place {
  readonly where: string;
  readonly depth: number;
}

function memberXml(member: XmlMember, value: FhirValue, beside: FhirValue, { where, depth }: Place): string {
  const { name } = member;
  switch (member.form) {
    case 'attribute':
      return '';
    case 'primitive':
      return primitiveXml(member, value, beside, { where, depth });
    case 'xhtml':
      return narrativeXml(value, where);
    case 'resource':
      return `<${name}>${resourceXml(value, '', depth)}</${name}>`;
    case 'object':
      if (!isObject(value)) refuse('FHIRXML_VALUE', where, 'not an object');
      return elementXml(
        name,
        attributesXml(member, value, where),
        childrenXml(member.node(), value, depth + 1),
      );
  }
}

function elementXml(name: string, attributes: string, children: string): string {
  return children === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${children}</${name}>`;
}

function attributesXml(member: XmlMember, value: FhirObject, where: string): string {
  let out = '';
  for (const { name, form } of member.node().members.values()) {
    const text = form === 'attribute' ? value[name] : undefined;
    if (text === undefined) continue;
    if (typeof text !== 'string') refuse('FHIRXML_VALUE', `${where}.${name}`, 'not a string');
    out += ` ${name}="${attributeText(text, where)}"`;
  }
  return out;
}

function primitiveXml(member: XmlMember, value: FhirValue, beside: FhirValue, place: Place): string {
  const { where, depth } = place;
  let attributes = '';
  let children = '';
  if (isObject(beside)) {
    attributes = attributesXml(member, beside, where);
    children = childrenXml(member.node(), beside, depth + 1);
  } else if (beside !== null) refuse('FHIRXML_VALUE', where, 'not an object beside the value');
  if (typeof value === 'object' && value !== null && !(value instanceof Decimal))
    refuse('FHIRXML_VALUE', where, `not a ${member.type}`);
  if (value !== null) attributes += ` value="${attributeText(String(value), where)}"`;
  return elementXml(member.name, attributes, children);
}

function attributeText(text: string, where: string): string {
  if (forbidden.test(text)) refuse('FHIRXML_CHARACTER', where, 'a character that XML cannot hold');
  return text.replace(escaped, (character) => escapes[character] ?? character);
}

function narrativeXml(value: FhirValue, where: string): string {
  if (typeof value !== 'string') refuse('FHIRXML_VALUE', where, 'not a narrative');
  const div = withoutNamedEntities(value.trim());
  try {
    readNarrative(div);
  } catch {
    // What the parser says would show the narrative.
    refuse('FHIRXML_NARRATIVE', where, 'the narrative is not one well-formed div of XHTML');
  }
  return div;
}

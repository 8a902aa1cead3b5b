import { elementType, type FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import { typeOfMembers } from '#validation';
import { allAt, chosenName, type Given, isList, putAll } from './element-edit.js';
import { copyTree, isObject } from './fhir-tree.js';

/**
 * The value of an operation, which stands where R4 has an element of `type` (`HumanName`, `Patient.contact`): a value of a type, a resource, or
 * parts that make an element (R4 fhirpatch, section 2.1.10.1). Throws `rejected` PATCH_INVALID.
 */
export function givenBy(part: FhirObject | undefined, type: string, at: string): Given {
  if (part === undefined) throw invalidPatch('the operation needs a `value`', at);
  const name = Object.keys(part).find((one) => /^_?value[A-Z]/.test(one));
  if (name !== undefined) {
    const member = name.replace(/^_/, '');
    const [value, beside] = [part[member], part[`_${member}`]];
    return {
      value: value === undefined ? undefined : copyTree(value),
      beside: isObject(beside) ? copyTree(beside) : undefined,
      type: member.slice('value'.length),
    };
  }
  const { resource, part: parts } = part;
  if (resource !== undefined) return { value: copyTree(resource), beside: undefined, type: undefined };
  if (!Array.isArray(parts)) throw invalidPatch('a value has a value[x], a resource, or parts', at);
  const element: FhirObject = {};
  for (const one of parts) {
    if (!isObject(one)) throw invalidPatch('a part is an object', at);
    addMember(element, type, typeof one['name'] === 'string' ? one['name'] : '', one, at);
  }
  return { value: element, beside: undefined, type: undefined };
}

/**
 * Gives `owner`, an element of `type`, one more member or one more item of a list. Throws `rejected`: PATCH_FAILED for a name that R4 does not have
 * there, or an element that has a value already.
 */
export function addMember(
  owner: FhirObject,
  ownerType: string,
  name: string,
  part: FhirObject,
  at: string,
): void {
  const type = typeOfMembers(ownerType);
  const element = elementType(type, name);
  if (!element.known || name.startsWith('_')) {
    const nearest = !element.known && element.nearest ? `; the nearest is ${element.nearest}` : '';
    throw failedPatch(`R4 has no such element there${nearest}`, at);
  }
  const given = givenBy(part, element.content ?? element.types[0] ?? '', at);
  const member = given.type === undefined ? name : chosenName(type, name, given.type);
  const before = allAt(owner, member);
  const many = isList(owner, type, member);
  const isTaken = element.types.some((one) => allAt(owner, chosenName(type, name, one)).length > 0);
  if (!many && isTaken) throw failedPatch('the element has a value already; replace it', at);
  putAll(owner, member, [...before, given], many);
}

export function invalidPatch(message: string, at: string, cause?: unknown): EngineError {
  return new EngineError('rejected', 'PATCH_INVALID', message, { cause: { at, cause } });
}

export function failedPatch(message: string, at: string): EngineError {
  return new EngineError('rejected', 'PATCH_FAILED', message, { cause: { at } });
}

import type { FhirObject, FhirValue } from '#fhir';
import { isEngineError } from '#kernel';
import { type ElementItem, type FoundElements, findElements } from '#validation';
import {
  allAt,
  type Given,
  isList,
  membersOf,
  putAll,
  removeElement,
  replaceElement,
} from './element-edit.js';
import { copyTree, isObject } from './fhir-tree.js';
import { addMember, failedPatch, givenBy, invalidPatch } from './patch-value.js';

/** Most operations of one patch. */
const MAX_OPERATIONS = 1_000;

interface Operation {
  readonly at: string;
  readonly type: string;
  readonly path: string;
  readonly parts: ReadonlyMap<FhirValue | undefined, FhirObject>;
}

/**
 * Applies a FHIRPath Patch (R4 fhirpatch), a Parameters resource, to a copy of `resource`. Throws `rejected`: PATCH_INVALID for what is no
 * patch, PATCH_FAILED for an operation that cannot be done (its path leads nowhere, or to several places). `at` says which.
 */
export function fhirPathPatch(resource: FhirObject, patch: FhirObject): FhirObject {
  const { parameter = [] } = patch;
  if (!Array.isArray(parameter) || parameter.length > MAX_OPERATIONS)
    throw invalidPatch(`a patch has at most ${MAX_OPERATIONS} operations`, 'Parameters.parameter');
  const root = copyTree(resource);
  for (const [index, one] of parameter.entries())
    apply(root, operationOf(one, `Parameters.parameter[${index}]`));
  return root;
}

function apply(root: FhirObject, operation: Operation): void {
  const { at, type, parts } = operation;
  const found = elementsAt(root, operation);
  switch (type) {
    case 'add': {
      const element = only(found, at);
      addMember(membersOf(element), element.type, textOf(operation, 'name'), parts.get('value') ?? {}, at);
      return;
    }
    case 'insert': {
      const list = listAt(found, at);
      const index = indexOf(operation, 'index');
      if (index > list.all.length) throw failedPatch('there is no such place in the list', at);
      list.put(list.all.toSpliced(index, 0, givenBy(parts.get('value'), list.type, at)));
      return;
    }
    case 'delete':
      if (found.elements.length > 0) removeElement(changeable(only(found, at), at));
      return;
    case 'replace': {
      const element = changeable(only(found, at), at);
      replaceElement(element, givenBy(parts.get('value'), element.type, at));
      return;
    }
    case 'move': {
      const [source, destination] = [indexOf(operation, 'source'), indexOf(operation, 'destination')];
      const list = listAt(found, at);
      const moved = list.all[source];
      if (moved === undefined || destination >= list.all.length)
        throw failedPatch('there is no such place in the list', at);
      list.put(list.all.toSpliced(source, 1).toSpliced(destination, 0, moved));
      return;
    }
    default:
      throw invalidPatch('type is one of add, insert, delete, replace, move', at);
  }
}

function elementsAt(root: FhirObject, { path, at }: Operation): FoundElements {
  try {
    return findElements(root, path);
  } catch (error) {
    if (!isEngineError(error, 'rejected')) throw error;
    // Which elements there are is a question to the resource, how they are asked for one to the patch.
    if (error.code === 'FHIRPATH_NOT_SINGLE') throw failedPatch(error.message, at);
    throw invalidPatch(`the path is not understood: ${error.message}`, at, error);
  }
}

function only({ elements }: FoundElements, at: string): ElementItem {
  const [element, other] = elements;
  if (element && !other) return element;
  throw failedPatch(other ? 'the path leads to several places' : 'there is nothing at the path', at);
}

/** What may be taken away or replaced: not the resource itself. */
function changeable(element: ElementItem, at: string): ElementItem {
  if (element.place?.parent) return element;
  throw failedPatch('the whole resource cannot be taken away; its members can', at);
}

interface List {
  readonly type: string;
  readonly all: readonly Given[];
  put(all: readonly Given[]): void;
}

/** The one whole list that a path leads to, which may be empty where the path ends in a member. */
function listAt({ elements, owners, name }: FoundElements, at: string): List {
  const [first] = elements;
  const owner = first ? first.place?.parent : owners?.length === 1 ? owners[0] : undefined;
  const member = first?.place?.name ?? name;
  if (!owner || member === undefined) throw failedPatch('there is no list at the path', at);
  const members = membersOf(owner);
  const all = allAt(members, member);
  const isWhole = all.length === elements.length && elements.every(({ place }) => place?.parent === owner);
  if (!isWhole || !isList(members, owner.type, member))
    throw failedPatch(first ? 'the path leads to no one whole list' : 'there is no list at the path', at);
  const type = first?.type ?? `${owner.type}.${member}`;
  return { type, all, put: (changed) => putAll(members, member, changed, true) };
}

function operationOf(one: FhirValue, at: string): Operation {
  const list = isObject(one) && one['name'] === 'operation' ? one['part'] : undefined;
  if (!Array.isArray(list))
    throw invalidPatch('a patch is a Parameters with a parameter `operation` for each', at);
  const parts = new Map(list.filter(isObject).map((part) => [part['name'], part] as const));
  const operation = { at, parts, type: '', path: '' };
  return { ...operation, type: textOf(operation, 'type'), path: textOf(operation, 'path') };
}

function textOf({ parts, at }: Pick<Operation, 'parts' | 'at'>, name: string): string {
  const part = parts.get(name);
  const value = part?.['valueString'] ?? part?.['valueCode'];
  if (typeof value === 'string') return value;
  throw invalidPatch(`the operation needs a text \`${name}\``, at);
}

function indexOf({ parts, at }: Operation, name: string): number {
  const part = parts.get(name);
  const value = part?.['valueInteger'] ?? part?.['valueUnsignedInt'] ?? part?.['valuePositiveInt'];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw invalidPatch(`the operation needs a number \`${name}\` from 0`, at);
}

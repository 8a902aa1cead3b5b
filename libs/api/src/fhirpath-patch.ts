import { elementType, type FhirObject, type FhirValue } from '#fhir';
import { EngineError } from '#kernel';
import { type Place, placesOf, valueAt } from './element-path.js';
import { copyTree, isObject, typeOfResource } from './fhir-tree.js';

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
    throw invalid(`a patch has at most ${MAX_OPERATIONS} operations`, 'Parameters.parameter');
  const root = copyTree(resource);
  for (const [index, one] of parameter.entries())
    apply(root, operationOf(one, `Parameters.parameter[${index}]`));
  return root;
}

function apply(root: FhirObject, operation: Operation): void {
  const { at, type, path } = operation;
  switch (type) {
    case 'add': {
      const owner = path === root['resourceType'] ? root : objectAt(root, operation);
      add(owner, root, operation);
      return;
    }
    case 'insert': {
      const list = listAt(root, operation, indexOf(operation, 'index'));
      list.splice(indexOf(operation, 'index'), 0, valueOf(operation, root, elementPath(path)));
      return;
    }
    case 'delete': {
      const [place, other] = placesOf(root, path, at);
      if (other) throw failed('the path leads to several places', at);
      if (place) remove(place);
      return;
    }
    case 'replace':
      replace(onePlace(root, operation), valueOf(operation, root, elementPath(path)));
      return;
    case 'move': {
      const [source, destination] = [indexOf(operation, 'source'), indexOf(operation, 'destination')];
      const list = listAt(root, operation, source + 1);
      const [moved] = list.splice(source, 1);
      if (moved === undefined || destination > list.length)
        throw failed('there is no such place in the list', at);
      list.splice(destination, 0, moved);
      return;
    }
    default:
      throw invalid('type is one of add, insert, delete, replace, move', at);
  }
}

function onePlace(root: FhirObject, { path, at }: Operation): Place {
  const [place, other] = placesOf(root, path, at);
  if (place && !other) return place;
  throw failed(other ? 'the path leads to several places' : 'there is nothing at the path', at);
}

function objectAt(root: FhirObject, operation: Operation): FhirObject {
  const value = valueAt(onePlace(root, operation));
  if (isObject(value)) return value;
  throw failed('the path leads to a value without members', operation.at);
}

/** The list that a path names, whose last step has no number; `least` items it must have. */
function listAt(root: FhirObject, { path, at }: Operation, least: number): FhirValue[] {
  const [place] = placesOf(root, path, at);
  const list = place && place.index !== undefined ? place.owner[place.name] : undefined;
  if (!Array.isArray(list)) throw failed('there is no list at the path', at);
  if (list.length < least) throw failed('there is no such place in the list', at);
  return list;
}

function add(owner: FhirObject, root: FhirObject, operation: Operation): void {
  const name = textOf(operation, 'name');
  const path = [...elementPath(operation.path), name];
  const element = elementType(typeOfResource(root), path.join('.'));
  const given = Object.keys(operation.parts.get('value') ?? {}).find((one) => one.startsWith('value'));
  // A choice takes the type of the value: `value` with a valueQuantity becomes valueQuantity.
  const member = element.known && element.choice && given !== undefined ? name + given.slice(5) : name;
  const value = valueOf(operation, root, path);
  const there = owner[member];
  if (Array.isArray(there)) there.push(value);
  else if (there !== undefined) throw failed('the element has a value already; replace it', operation.at);
  else owner[member] = element.known && element.max > 1 ? [value] : value;
}

/** The elements of a path, without its type and filters. */
function elementPath(path: string): string[] {
  return path
    .replace(/\[\d+\]|\.(?:first|last)\(\)|\.where\([^()]*\)/g, '')
    .split('.')
    .slice(1);
}

function replace({ owner, name, index }: Place, value: FhirValue): void {
  const list = owner[name];
  if (index !== undefined && Array.isArray(list)) list[index] = value;
  else owner[name] = value;
}

function remove({ owner, name, index }: Place): void {
  const list = owner[name];
  if (index !== undefined && Array.isArray(list) && list.length > 1) list.splice(index, 1);
  else delete owner[name];
}

function operationOf(one: FhirValue, at: string): Operation {
  const list = isObject(one) && one['name'] === 'operation' ? one['part'] : undefined;
  if (!Array.isArray(list))
    throw invalid('a patch is a Parameters with a parameter `operation` for each', at);
  const parts = new Map(list.filter(isObject).map((part) => [part['name'], part] as const));
  const operation = { at, parts, type: '', path: '' };
  return { ...operation, type: textOf(operation, 'type'), path: textOf(operation, 'path') };
}

function textOf({ parts, at }: Pick<Operation, 'parts' | 'at'>, name: string): string {
  const part = parts.get(name);
  const value = part?.['valueString'] ?? part?.['valueCode'];
  if (typeof value === 'string' && !/^__proto__$|^constructor$/.test(value)) return value;
  throw invalid(`the operation needs a text \`${name}\``, at);
}

function indexOf({ parts, at }: Operation, name: string): number {
  const value = parts.get(name)?.['valueInteger'];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw invalid(`the operation needs a number \`${name}\` from 0`, at);
}

/** A value of any type, or parts that make an element without a type of its own, which stands at `path`. */
function valueOf({ parts, at }: Operation, root: FhirObject, path: readonly string[]): FhirValue {
  const part = parts.get('value');
  if (part === undefined) throw invalid('the operation needs a `value`', at);
  return copyTree(valueOfPart(part, at, [typeOfResource(root), ...path]));
}

function valueOfPart(part: FhirObject, at: string, [type = '', ...path]: readonly string[]): FhirValue {
  const name = Object.keys(part).find((one) => one.startsWith('value'));
  const value = name === undefined ? part['resource'] : part[name];
  if (value !== undefined) return value;
  const { part: inner } = part;
  if (!Array.isArray(inner)) throw invalid('a value has a value[x], or parts', at);
  const element: FhirObject = {};
  for (const one of inner.filter(isObject)) {
    const member = textOf({ parts: new Map([['name', { valueString: one['name'] ?? '' }]]), at }, 'name');
    const given = valueOfPart(one, at, [type, ...path, member]);
    const before = element[member];
    const known = elementType(type, [...path, member].join('.'));
    if (Array.isArray(before)) before.push(given);
    else element[member] = known.known && known.max > 1 ? [given] : given;
  }
  return element;
}

function invalid(message: string, at: string): EngineError {
  return new EngineError('rejected', 'PATCH_INVALID', message, { cause: { at } });
}

function failed(message: string, at: string): EngineError {
  return new EngineError('rejected', 'PATCH_FAILED', message, { cause: { at } });
}

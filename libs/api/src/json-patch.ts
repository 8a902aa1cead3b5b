import { type FhirObject, type FhirValue, writeJson } from '#fhir';
import { EngineError } from '#kernel';
import { copyTree, isObject } from './fhir-tree.js';

/** Most operations of one patch. */
const MAX_OPERATIONS = 1_000;
const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Applies a JSON Patch (RFC 6902) to a copy of `resource`; decimals keep their digits. Throws `rejected`: PATCH_INVALID for what is no
 * patch, PATCH_FAILED for an operation that cannot be done or a test that does not hold; the number of the operation stands in `at`.
 */
export function jsonPatch(resource: FhirObject, operations: FhirValue): FhirObject {
  if (!Array.isArray(operations) || operations.length > MAX_OPERATIONS)
    throw invalid(`a JSON Patch is a list of at most ${MAX_OPERATIONS} operations`, 0);
  let root: FhirValue = copyTree(resource);
  for (const [index, operation] of operations.entries()) root = applied(root, operation, index);
  if (!isObject(root)) throw failed('the patch leaves no resource', operations.length - 1);
  return root;
}

function applied(root: FhirValue, operation: FhirValue, index: number): FhirValue {
  if (!isObject(operation)) throw invalid('an operation is an object', index);
  const { op, path, from, value } = operation;
  const target = pointer(path, index);
  switch (op) {
    case 'add':
      return add(root, target, needed(value, index), index);
    case 'remove':
      return remove(root, target, index).root;
    case 'replace': {
      read(root, target, index);
      return target.length === 0
        ? needed(value, index)
        : add(remove(root, target, index).root, target, needed(value, index), index);
    }
    case 'move': {
      const taken = remove(root, pointer(from, index), index);
      return add(taken.root, target, taken.value, index);
    }
    case 'copy':
      return add(root, target, copyTree(read(root, pointer(from, index), index)), index);
    case 'test': {
      const there = read(root, target, index);
      if (!equal(there, needed(value, index))) throw failed('the test does not hold', index);
      return root;
    }
    default:
      throw invalid('op is one of add, remove, replace, move, copy, test', index);
  }
}

/** RFC 6901. */
function pointer(text: FhirValue | undefined, index: number): string[] {
  if (text === '') return [];
  if (typeof text !== 'string' || !text.startsWith('/'))
    throw invalid('a path is a JSON pointer: it begins with /', index);
  const names = text.slice(1).split('/');
  return names.map((name) => {
    const plain = name.replaceAll('~1', '/').replaceAll('~0', '~');
    if (forbidden.has(plain)) throw invalid('a path of no element', index);
    return plain;
  });
}

function needed(value: FhirValue | undefined, index: number): FhirValue {
  if (value === undefined) throw invalid('the operation needs a value', index);
  return value;
}

function read(root: FhirValue, path: readonly string[], index: number): FhirValue {
  let at = root;
  for (const name of path) at = child(at, name, index);
  return at;
}

function child(parent: FhirValue, name: string, index: number): FhirValue {
  if (Array.isArray(parent)) return parent[place(parent, name, parent.length - 1, index)] as FhirValue;
  const value = isObject(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (value === undefined) throw failed('there is nothing at the path', index);
  return value;
}

function place(list: readonly FhirValue[], name: string, most: number, index: number): number {
  const number = /^(0|[1-9]\d{0,6})$/.test(name) ? Number(name) : -1;
  if (number < 0 || number > most) throw failed('there is no such place in the list', index);
  return list.length === 0 ? 0 : number;
}

function add(root: FhirValue, path: readonly string[], value: FhirValue, index: number): FhirValue {
  const name = path.at(-1);
  if (name === undefined) return value;
  const parent = read(root, path.slice(0, -1), index);
  if (Array.isArray(parent)) {
    const at = name === '-' ? parent.length : place(parent, name, parent.length, index);
    parent.splice(at, 0, value);
  } else if (isObject(parent)) parent[name] = value;
  else throw failed('a value without members is at the path', index);
  return root;
}

function remove(
  root: FhirValue,
  path: readonly string[],
  index: number,
): { readonly root: FhirValue; readonly value: FhirValue } {
  const name = path.at(-1);
  if (name === undefined) throw failed('the whole resource cannot be removed', index);
  const parent = read(root, path.slice(0, -1), index);
  const value = child(parent, name, index);
  if (Array.isArray(parent)) parent.splice(place(parent, name, parent.length - 1, index), 1);
  else if (isObject(parent)) delete parent[name];
  return { root, value };
}

function equal(a: FhirValue, b: FhirValue): boolean {
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && equal(a[name] as FhirValue, b[name] as FhirValue))
    );
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => equal(item, b[at] as FhirValue));
  return writeJson(a) === writeJson(b);
}

function invalid(message: string, index: number): EngineError {
  return new EngineError('rejected', 'PATCH_INVALID', message, { cause: { at: `patch[${index}]` } });
}

function failed(message: string, index: number): EngineError {
  return new EngineError('rejected', 'PATCH_FAILED', message, { cause: { at: `patch[${index}]` } });
}

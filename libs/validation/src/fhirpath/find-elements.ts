import { elementType, type FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import { compile } from './compile.js';
import { type Item, resourceItem, typeOfMembers } from './item.js';
import { parseFhirpath, type Syntax } from './syntax.js';

/** Functions that lead to elements, or ask something of them, in time that grows with the resource and the path only. */
const allowed = new Set(
  `where first last tail single skip take ofType as is extension exists empty all not count hasValue
  startsWith endsWith contains lower upper length substring toString toInteger`.split(/\s+/),
);
/** The same of operators. What makes more of what there is (`|`, combine, select) is not among them. */
const operators = new Set(['and', 'or', 'xor', 'implies', '=', '!=', '~', '!~', '<', '<=', '>', '>=', 'in']);
const lengthMax = 1_000;

/** What a path leads to. */
export interface FoundElements {
  /** Each knows its place. */
  readonly elements: readonly Item[];
  /** Of a path that ends in a member without more: what that is a member of. */
  readonly owners: readonly Item[] | undefined;
  readonly name: string | undefined;
}

/**
 * The elements of `resource` that a path leads to, which is FHIRPath as a client may send it: members, indexes and functions that choose among
 * elements (R4 fhirpatch, section 2.1.10.2). Throws `rejected`: FHIRPATH_SYNTAX, FHIRPATH_UNKNOWN, FHIRPATH_TOO_LONG for what is no such path,
 * FHIRPATH_NO_ELEMENT for one that leads to what is computed, or begins with another type.
 */
export function findElements(resource: FhirObject, path: string): FoundElements {
  if (path.length > lengthMax)
    throw new EngineError('rejected', 'FHIRPATH_TOO_LONG', `more than ${lengthMax} characters`);
  const syntax = parseFhirpath(path);
  const root: Item = { ...resourceItem(resource), place: { parent: undefined, name: '', index: undefined } };
  checkPath(syntax, root.type);
  const scope = { context: root, resource: root, root };
  const elements = compile(syntax)([root], scope);
  if (elements.some(({ place }) => place === undefined))
    throw noElement('the path leads to a computed value, not to an element');
  const isMember = syntax.kind === 'member' && syntax.of !== undefined;
  const owners = isMember && syntax.of ? compile(syntax.of)([root], scope) : undefined;
  if (isMember && elements.length === 0) checkName(owners ?? [], syntax.name);
  return { elements, owners, name: isMember ? syntax.name : undefined };
}

/** A member that R4 does not have is a mistake of the path, not an element that is not there. */
function checkName(owners: readonly Item[], name: string): void {
  const found = owners.map(({ type }) => elementType(typeOfMembers(type), name));
  const [first] = found;
  if (!first || found.some(({ known }) => known) || first.known) return;
  throw noElement(`R4 has no such element there${first.nearest ? `; the nearest is ${first.nearest}` : ''}`);
}

/** `start`: the type that a first member with a capital names; undefined within arguments. */
function checkPath(syntax: Syntax, start: string | undefined): void {
  switch (syntax.kind) {
    case 'literal':
    case 'nothing':
    case 'focus':
      return;
    case 'variable':
      throw unsupported(`%${syntax.name}`);
    case 'member':
      if (syntax.of) return checkPath(syntax.of, start);
      if (start !== undefined && syntax.name !== start) throw noElement(`a path begins with ${start} here`);
      return;
    case 'index':
      checkPath(syntax.of, start);
      return checkPath(syntax.index, undefined);
    case 'type':
      return checkPath(syntax.of, start);
    case 'operator':
      if (!operators.has(syntax.name)) throw unsupported(syntax.name);
      checkPath(syntax.left, undefined);
      return checkPath(syntax.right, undefined);
    case 'call':
      if (!allowed.has(syntax.name)) throw unsupported(`${syntax.name}()`);
      if (syntax.of) checkPath(syntax.of, start);
      for (const argument of syntax.args) checkPath(argument, undefined);
  }
}

function unsupported(name: string): EngineError {
  return new EngineError('rejected', 'FHIRPATH_UNKNOWN', `${name} is not supported here`);
}

function noElement(message: string): EngineError {
  return new EngineError('rejected', 'FHIRPATH_NO_ELEMENT', message);
}

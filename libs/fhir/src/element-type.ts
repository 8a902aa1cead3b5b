import { nearestName } from '#kernel';
import { definitions, type ElementRow, type TypeNode, type ValueSetCodes } from './definitions.js';
import { isResourceType } from './resource-types.js';

/** What R4 says about one element. */
export interface ElementType {
  readonly known: true;
  /** From the type asked about: `Observation.referenceRange.text`. */
  readonly path: string;
  /** Member name in JSON; `value[x]` while a choice is undecided, `valueQuantity` once it is named. */
  readonly name: string;
  readonly min: number;
  /** `Infinity` for `*`. */
  readonly max: number;
  /** One type, or several for an undecided choice. A nested element is `BackboneElement` or `Element`. */
  readonly types: readonly string[];
  /** True for `value` and `value[x]`; false for `valueQuantity`, which has one type. */
  readonly choice: boolean;
  /** Resource types a Reference may point to; empty: any. */
  readonly targets: readonly string[];
  /** The codes of a required binding, where they can be listed. */
  readonly binding: ValueSetCodes | undefined;
  /** True when its children are its own (declared in place, or by content reference), not those of a data type. */
  readonly backbone: boolean;
  /**
   * Where its children are declared, a path that `elementType` and `childrenOf` take: `Observation.referenceRange` for
   * that of a component too, `Quantity`, `Element` for a primitive; undefined for an undecided choice.
   */
  readonly content: string | undefined;
  /** A Quantity that must not have a comparator. */
  readonly simpleQuantity: boolean;
}

/** A path that leads nowhere, with what an error message needs. */
export interface UnknownElement {
  readonly known: false;
  /** The last place that exists: `Observation.referenceRange`; '' when the type itself is unknown. */
  readonly at: string;
  /** The name that does not exist there. */
  readonly name: string;
  /** The names that do, choices as `value[x]`. */
  readonly children: readonly string[];
  /** The child whose spelling is closest, if one is close. */
  readonly nearest: string | undefined;
}

/** `Quantity` -> `valueQuantity`. */
export function choiceName(element: string, type: string): string {
  return element.replace('[x]', '') + type.charAt(0).toUpperCase() + type.slice(1);
}

interface Step {
  readonly row: ElementRow;
  readonly name: string;
  readonly types: readonly string[];
}

/** The child `name` of `node`: by its name, by `value` or `value[x]`, or by the name of one choice. */
function child(node: TypeNode, name: string): Step | undefined {
  const row = node.elements.get(name) ?? node.elements.get(`${name}[x]`);
  if (row) return { row, name: row.name, types: row.types };
  for (const candidate of node.elements.values()) {
    if (!candidate.choice || !name.startsWith(candidate.name.slice(0, -3))) continue;
    const type = candidate.types.find((t) => choiceName(candidate.name, t) === name);
    if (type !== undefined) return { row: candidate, name, types: [type] };
  }
  return undefined;
}

/** Where the children of a step are declared; undefined for a primitive or an undecided choice of several types. */
function contentOf(step: Step): TypeNode | undefined {
  if (step.row.content !== undefined) return definitions().node(step.row.content);
  const [type, ...others] = step.types;
  if (type === undefined || others.length > 0) return undefined;
  return definitions().node(definitions().primitive(type) ? 'Element' : type);
}

/**
 * What R4 says about `path` (dots, no indexes, no type name in front) of `type`, a resource or data type.
 * `elementType('Observation', 'referenceRange.text')`, `('Patient', 'name.family')`, `('Observation', 'valueQuantity.unit')`.
 * A member with an underscore (`_birthDate`) is the Element that carries id and extensions of a primitive.
 */
export function elementType(type: string, path: string): ElementType | UnknownElement {
  let node = typeNode(type);
  if (!node) {
    const names = [...definitions().typeNames('r'), ...definitions().typeNames('c')];
    return { known: false, at: '', name: type, children: names, nearest: nearestName(type, names) };
  }
  let at = type;
  let step: Step | undefined;
  for (const name of path.split('.')) {
    const names = node ? [...node.elements.keys()] : [];
    const next = node && (child(node, name) ?? primitiveCompanion(node, name));
    if (!next) return { known: false, at, name, children: names, nearest: nearestName(name, names) };
    step = next;
    at += `.${name}`;
    node = contentOf(next);
  }
  if (!step) return { known: false, at, name: path, children: [], nearest: undefined };
  const { row } = step;
  return {
    known: true,
    path: at,
    name: step.name,
    min: row.min,
    max: row.max,
    types: step.types,
    choice: row.choice && step.name === row.name,
    targets: row.targets,
    binding: row.binding,
    backbone: row.content !== undefined,
    content: node?.path,
    simpleQuantity: row.simpleQuantity && step.types.includes('Quantity'),
  };
}

/** A type, or a nested element by its path, which may lead through one that is described elsewhere. */
function typeNode(type: string): TypeNode | undefined {
  const known = definitions().node(type);
  const dot = type.indexOf('.');
  return known ?? (dot < 0 ? undefined : nodeAt(type.slice(0, dot), type.slice(dot + 1)));
}

function primitiveCompanion(node: TypeNode, name: string): Step | undefined {
  if (!name.startsWith('_')) return undefined;
  const step = child(node, name.slice(1));
  const type = step?.types.length === 1 ? step.types[0] : undefined;
  if (!step || type === undefined || !definitions().primitive(type)) return undefined;
  return {
    row: { ...step.row, min: 0, binding: undefined, targets: [], choice: false, name },
    name,
    types: ['Element'],
  };
}

/**
 * The names below `path` of `type` ('' for the type itself) in the order of R4, choices as `value[x]`; empty when
 * there is nothing below or the path is unknown.
 */
export function childrenOf(type: string, path = ''): readonly string[] {
  const node = path === '' ? typeNode(type) : nodeAt(type, path);
  return node ? [...node.elements.keys()] : [];
}

function nodeAt(type: string, path: string): TypeNode | undefined {
  let node = definitions().node(type);
  for (const name of path.split('.')) {
    const step = node && child(node, name);
    node = step && contentOf(step);
  }
  return node;
}

export type TypeKind = 'resource' | 'complex' | 'primitive' | 'abstract' | undefined;

/** Whether R4 has `name`, and as what. */
export function typeKind(name: string): TypeKind {
  if (isResourceType(name)) return 'resource';
  if (definitions().primitive(name)) return 'primitive';
  return name.includes('.') ? undefined : definitions().node(name)?.kind;
}

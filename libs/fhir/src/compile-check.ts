import { assert } from '#kernel';
import { definitions, type ElementRow, type TypeNode, type ValueSetCodes } from './definitions.js';
import { choiceName } from './element-type.js';
import { type PrimitiveCheck, primitiveCheck } from './primitives.js';

/** What a member's values are checked by. */
export type Content =
  | {
      readonly form: 'primitive';
      readonly check: PrimitiveCheck;
      readonly codes: ReadonlySet<string> | undefined;
    }
  | { readonly form: 'object'; readonly node: () => CheckNode }
  | { readonly form: 'resource' };

/** One JSON member that may stand in an object. */
export interface CheckMember {
  readonly name: string;
  readonly typeName: string;
  readonly content: Content;
  readonly max: number;
  /** True for `_birthDate`: the Element beside a primitive. */
  readonly companion: boolean;
  /** The member beside: `_birthDate` for `birthDate`, and the other way round; '' when there is none. */
  readonly partner: string;
  /** Bit of the required element or choice it belongs to; 0 for others. */
  readonly bit: number;
  readonly choice: boolean;
  readonly targets: readonly string[];
  readonly binding: ValueSetCodes | undefined;
  readonly simpleQuantity: boolean;
}

/** A type or nested element, ready to check objects. */
export interface CheckNode {
  readonly path: string;
  readonly members: ReadonlyMap<string, CheckMember>;
  readonly required: readonly { readonly bit: number; readonly name: string }[];
}

const nodes = new Map<string, CheckNode>();

/** The check of the type or nested element at `path`; compiled once. */
export function checkNode(path: string): CheckNode {
  let node = nodes.get(path);
  if (!node) {
    const declared = definitions().node(path);
    assert(declared, 'FHIR_NODE_UNKNOWN', path);
    node = compile(declared);
    nodes.set(path, node);
  }
  return node;
}

function compile(node: TypeNode): CheckNode {
  const members = new Map<string, CheckMember>();
  const required: { bit: number; name: string }[] = [];
  let nextBit = 1;
  for (const row of node.elements.values()) {
    let bit = 0;
    if (row.min > 0 || row.choice) {
      bit = nextBit;
      nextBit *= 2;
    }
    if (row.min > 0) required.push({ bit, name: row.name });
    for (const type of row.types) {
      const name = row.choice ? choiceName(row.name, type) : row.name;
      addMembers(members, row, type, name, bit);
    }
  }
  assert(nextBit <= 2 ** 31, 'FHIR_NODE_TOO_WIDE', node.path);
  return { path: node.path, members, required };
}

function addMembers(
  members: Map<string, CheckMember>,
  row: ElementRow,
  type: string,
  name: string,
  bit: number,
): void {
  const primitive = definitions().primitive(type) !== undefined;
  const { max, choice, targets, binding } = row;
  const simpleQuantity = row.simpleQuantity && type === 'Quantity';
  const facts = { max, bit, choice, targets, binding, simpleQuantity };
  // Attributes of XML (Element.id, Extension.url) and narratives carry no extensions.
  const partner =
    primitive && type !== 'xhtml' && !(row.name === 'id' || row.name === 'url' ? isAttribute(row) : false);
  members.set(name, {
    ...facts,
    name,
    typeName: type,
    companion: false,
    partner: partner ? `_${name}` : '',
    content: contentOf(row, type, primitive),
  });
  if (!partner) return;
  members.set(`_${name}`, {
    ...facts,
    name: `_${name}`,
    typeName: 'Element',
    companion: true,
    partner: name,
    content: { form: 'object', node: () => checkNode('Element') },
  });
}

function isAttribute(row: ElementRow): boolean {
  return row.name === 'id' && row.types[0] === 'string';
}

function contentOf(row: ElementRow, type: string, primitive: boolean): Content {
  if (primitive) {
    return {
      form: 'primitive',
      check: primitiveCheck(type),
      codes: type === 'code' ? mergedCodes(row.binding) : undefined,
    };
  }
  if (type === 'Resource') return { form: 'resource' };
  const path = row.content ?? type;
  return { form: 'object', node: () => checkNode(path) };
}

function mergedCodes(binding: ValueSetCodes | undefined): ReadonlySet<string> | undefined {
  if (!binding) return undefined;
  const all = new Set<string>();
  for (const codes of binding.systems.values()) for (const code of codes) all.add(code);
  return all;
}

import { childrenOf, choiceName, elementType, typeKind } from '#fhir';
import { assert } from '#kernel';

/** How a member of JSON is written in XML. */
export type XmlForm = 'attribute' | 'primitive' | 'xhtml' | 'object' | 'resource';

/** One member of an object, by the name it has in JSON and in XML. */
export interface XmlMember {
  readonly name: string;
  /** Its place among its siblings; the types of a choice share one. */
  readonly order: number;
  readonly many: boolean;
  readonly type: string;
  readonly form: XmlForm;
  /** Of an object, and `Element` for a primitive. */
  readonly node: () => XmlNode;
}

/** A type, or a nested element with children of its own; members in the order of R4. */
export interface XmlNode {
  readonly path: string;
  readonly members: ReadonlyMap<string, XmlMember>;
}

/** As many as R4 has types and nested elements. */
const nodes = new Map<string, XmlNode>();

/** What may stand in the type or nested element at `path`, which must be one of R4; made once. */
export function xmlNode(path: string): XmlNode {
  let node = nodes.get(path);
  if (!node) {
    node = { path, members: membersOf(path) };
    nodes.set(path, node);
  }
  return node;
}

function membersOf(path: string): Map<string, XmlMember> {
  const members = new Map<string, XmlMember>();
  for (const [order, child] of childrenOf(path).entries()) {
    const element = elementType(path, child);
    assert(element.known, 'FHIRXML_ELEMENT_UNKNOWN', `${path}.${child}`);
    for (const type of element.types) {
      const name = element.choice ? choiceName(child, type) : child;
      const content = element.backbone ? (element.content ?? type) : type;
      members.set(name, {
        name,
        order,
        many: element.max > 1,
        type,
        form: formOf(path, name, type),
        node: () => xmlNode(typeKind(type) === 'primitive' ? 'Element' : content),
      });
    }
  }
  return members;
}

/** R4, section 2.6.1: ids of elements and URLs of extensions are attributes, the id of a resource is an element. */
function formOf(path: string, name: string, type: string): XmlForm {
  if (name === 'id' && type === 'string') return 'attribute';
  if (name === 'url' && path === 'Extension') return 'attribute';
  if (type === 'xhtml') return 'xhtml';
  if (type === 'Resource') return 'resource';
  return typeKind(type) === 'primitive' ? 'primitive' : 'object';
}

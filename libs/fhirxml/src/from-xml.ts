import { SaxesParser, type SaxesTagNS } from 'saxes';
import { Decimal, type FhirObject, type FhirValue, isResourceType } from '#fhir';
import { EngineError, isEngineError, nearestName } from '#kernel';
import { NarrativeWriter, xhtml } from './narrative.js';
import { type XmlMember, type XmlNode, xmlNode } from './xml-node.js';

/** Elements deeper than this are an attack, not a resource. */
const depthMax = 64;
const fhir = 'http://hl7.org/fhir';
const schemaInstance = 'http://www.w3.org/2001/XMLSchema-instance';

/**
 * Reads a resource from XML (R4, section 2.6.1) into the tree that `readJson` would give for its JSON; the narrative is
 * kept as it stands. All or nothing: `rejected` with line and column for malformed XML, a document type or an entity, another
 * namespace, elements or attributes that R4 does not have, a wrong order or number of them, text between elements, more
 * than 64 levels. What values may be, only validation says.
 */
export function fromXml(text: string): FhirObject {
  return new XmlReader(text).read();
}

interface Frame {
  /** undefined for the element around a resource (`contained`, `resource`). */
  readonly node: XmlNode | undefined;
  readonly into: FhirObject;
  /** What this is in its parent; undefined for a resource. */
  readonly member: XmlMember | undefined;
  /** Of a primitive; undefined when there is none. */
  readonly value: FhirValue | undefined;
  /** The child before, and how often it stood. */
  before: XmlMember | undefined;
  times: number;
}

class XmlReader {
  readonly #parser = new SaxesParser({ xmlns: true });
  readonly #frames: Frame[] = [];
  #resource: FhirObject | undefined;
  #narrative: NarrativeWriter | undefined;
  #narrativeStart = 0;

  constructor(readonly text: string) {}

  read(): FhirObject {
    const parser = this.#parser;
    parser.on('doctype', () => this.#refuse('FHIRXML_DOCTYPE', 'a document type declaration is refused'));
    parser.on('opentag', (tag) => this.#open(tag));
    parser.on('closetag', (tag) => this.#close(tag));
    parser.on('text', (text) => this.#content(text));
    parser.on('cdata', (text) => this.#content(text));
    try {
      parser.write(this.text).close();
    } catch (error) {
      if (isEngineError(error) || !(error instanceof Error)) throw error;
      const message = /^\d+:\d+: (.*)$/s.exec(error.message)?.[1];
      if (message === undefined) throw error;
      // Behind a colon stands what was found, which may be the name of a patient.
      this.#refuse('FHIRXML_MALFORMED', `malformed XML: ${message.replace(/:.*$|\.$/s, '')}`);
    }
    return this.#resource ?? this.#refuse('FHIRXML_MALFORMED', 'malformed XML: there is no element');
  }

  #open(tag: SaxesTagNS): void {
    if (this.#narrative) return this.#openInNarrative(this.#narrative, tag);
    const parent = this.#frames.at(-1);
    if (this.#frames.length >= depthMax)
      this.#refuse('FHIRXML_TOO_DEEP', `elements stand in each other more than ${depthMax} deep`);
    if (!parent?.node) return this.#openResource(parent, tag);
    const member = this.#memberOf(parent, parent.node, tag);
    if (member.form === 'xhtml') {
      this.#narrative = new NarrativeWriter();
      this.#narrativeStart = this.text.lastIndexOf('<', this.#parser.position - 1);
      return this.#narrative.open(tag);
    }
    const node = member.form === 'resource' ? undefined : member.node();
    const into: FhirObject = {};
    const value = this.#attributes(tag, node, member, into);
    this.#frames.push({ node, into, member, value, before: undefined, times: 0 });
  }

  #openInNarrative(narrative: NarrativeWriter, tag: SaxesTagNS): void {
    if (tag.uri !== xhtml)
      this.#refuse('FHIRXML_NAMESPACE', `an element of a narrative is not in the namespace ${xhtml}`);
    if (narrative.depth >= depthMax)
      this.#refuse('FHIRXML_TOO_DEEP', `a narrative is more than ${depthMax} elements deep`);
    narrative.open(tag);
  }

  #openResource(parent: Frame | undefined, tag: SaxesTagNS): void {
    this.#checkNamespace(tag, fhir);
    if (!isResourceType(tag.local))
      this.#refuse('FHIRXML_NO_RESOURCE', 'here stands a resource of R4, and this name is none');
    if (parent && parent.times > 0) this.#refuse('FHIRXML_REPEATED', 'one resource, not several');
    if (parent) parent.times = 1;
    const node = xmlNode(tag.local);
    this.#attributes(tag, undefined, undefined, {});
    const into = { resourceType: tag.local };
    this.#frames.push({ node, into, member: undefined, value: undefined, before: undefined, times: 0 });
  }

  #checkNamespace({ uri }: SaxesTagNS, wanted: string): void {
    if (uri !== wanted) this.#refuse('FHIRXML_NAMESPACE', `the element is not in the namespace ${wanted}`);
  }

  #memberOf(parent: Frame, node: XmlNode, tag: SaxesTagNS): XmlMember {
    const member = node.members.get(tag.local);
    if (!member || member.form === 'attribute') {
      const nearest = nearestName(tag.local, [...node.members.keys()]);
      const remedy = nearest === undefined ? '' : `; is it ${nearest}?`;
      this.#refuse('FHIRXML_UNKNOWN_ELEMENT', `R4 has no element of this name in ${node.path}${remedy}`);
    }
    this.#checkNamespace(tag, member.form === 'xhtml' ? xhtml : fhir);
    const { before } = parent;
    const where = `${node.path}.${member.name}`;
    if (before && before.order > member.order)
      this.#refuse('FHIRXML_ORDER', `${where} stands before ${before.name}`);
    if (before?.order === member.order && (before !== member || !member.many))
      this.#refuse('FHIRXML_REPEATED', `${where} stands at most once`);
    parent.times = before === member ? parent.times + 1 : 1;
    parent.before = member;
    return member;
  }

  /** Puts the attributes into the object; answers the value of a primitive. */
  #attributes(
    tag: SaxesTagNS,
    node: XmlNode | undefined,
    member: XmlMember | undefined,
    into: FhirObject,
  ): FhirValue | undefined {
    let found: FhirValue | undefined;
    for (const { name, prefix, uri, value } of Object.values(tag.attributes)) {
      if (name === 'xmlns' || prefix === 'xmlns' || uri === schemaInstance) continue;
      if (member?.form === 'primitive' && name === 'value') found = this.#primitive(member, value);
      else if (node?.members.get(name)?.form === 'attribute') into[name] = value;
      else this.#refuse('FHIRXML_UNKNOWN_ATTRIBUTE', `${tag.local} has no attribute of this name`);
    }
    return found;
  }

  #primitive(member: XmlMember, text: string): FhirValue {
    switch (member.type) {
      case 'boolean':
        if (text === 'true' || text === 'false') return text === 'true';
        return this.#refuse('FHIRXML_VALUE', `the value of ${member.name} is not true or false`);
      case 'decimal':
      case 'integer':
      case 'positiveInt':
      case 'unsignedInt': {
        if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text))
          this.#refuse('FHIRXML_VALUE', `the value of ${member.name} is not written as a number`);
        const value = Number(text);
        return /^-?\d+$/.test(text) && text !== '-0' && Number.isSafeInteger(value)
          ? value
          : Decimal.of(text);
      }
      default:
        return text;
    }
  }

  #close(tag: SaxesTagNS): void {
    const narrative = this.#narrative;
    if (narrative) {
      narrative.close(tag);
      if (narrative.depth > 0) return;
      const parent = this.#frames.at(-1);
      const raw = this.text.slice(this.#narrativeStart, this.#parser.position);
      if (parent) parent.into['div'] = narrative.foreign ? narrative.text : raw;
      this.#narrative = undefined;
      return;
    }
    const frame = this.#frames.pop();
    if (!frame) return;
    const parent = this.#frames.at(-1);
    if (!parent) this.#resource = frame.into;
    else if (!frame.member) parent.into['resource'] = frame.into;
    else if (frame.member.form === 'primitive') this.#addPrimitive(parent, frame, frame.member);
    else add(parent, frame.member, this.#contentOf(frame));
  }

  #contentOf({ node, into }: Frame): FhirValue {
    if (node) return into;
    return (
      into['resource'] ?? this.#refuse('FHIRXML_NO_RESOURCE', 'here stands a resource, and there is none')
    );
  }

  /** R4, section 2.6.2.3: in arrays null fills the place of what is not there, a value or its extensions. */
  #addPrimitive(parent: Frame, { value, into }: Frame, member: XmlMember): void {
    const beside = Object.keys(into).length > 0;
    if (value === undefined && !beside)
      this.#refuse('FHIRXML_EMPTY', `${member.name} has neither a value nor extensions`);
    const { name } = member;
    place(parent, member, name, value);
    place(parent, member, `_${name}`, beside ? into : undefined);
  }

  #content(text: string): void {
    if (this.#narrative) this.#narrative.content(text);
    else if (/[^ \t\r\n]/.test(text))
      this.#refuse('FHIRXML_TEXT', 'text between elements; values are attributes');
  }

  #refuse(code: string, message: string): never {
    const { line, columnIndex } = this.#parser;
    throw new EngineError('rejected', code, `line ${line}, column ${Math.max(1, columnIndex)}: ${message}`);
  }
}

function add({ into }: Frame, { name, many }: XmlMember, value: FhirValue): void {
  const known = into[name];
  if (!many) into[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else into[name] = [value];
}

function place(
  { into, times }: Frame,
  { many }: XmlMember,
  name: string,
  value: FhirValue | undefined,
): void {
  const known = into[name];
  if (Array.isArray(known)) known.push(value ?? null);
  else if (value !== undefined) into[name] = many ? [...Array<null>(times - 1).fill(null), value] : value;
}

import { checkReference } from './check-reference.js';
import { type CheckMember, type CheckNode, checkNode } from './compile-check.js';
import { Decimal } from './decimal.js';
import type { ValueSetCodes } from './definitions.js';
import { ruleOf } from './invariants.js';
import { Findings, type Issue } from './issue.js';
import { primitiveFault } from './primitives.js';
import { isResourceType } from './resource-types.js';
import type { FhirObject, FhirValue } from './write-json.js';

/** The nesting that `readJson` allows, in steps of the path. */
const depthMax = 128;

/** The resource that an object stands in, and the one that this is contained in, or itself. */
interface Around {
  readonly resource: FhirObject;
  readonly root: FhirObject;
}

/** What is wrong with an object of one type or nested element; messages start with the key of the invariant. */
type MoreRule = (value: FhirObject, around: Around) => readonly string[];

/**
 * Everything that is wrong with a resource by the R4 definitions: structure, unknown elements, cardinality, primitive
 * formats, choices, required bindings, reference targets, empty values, and the invariants that `invariants.ts` lists.
 * Empty when nothing is. Never throws on content; profiles and terminology beyond required bindings are not looked at.
 * `moreRules` gives the further invariants of a type or nested element, by its path.
 */
export function checkResource(
  resource: unknown,
  moreRules?: (path: string) => MoreRule | undefined,
): Issue[] {
  const checker = new Checker(moreRules);
  checker.container(resource);
  return checker.findings.issues;
}

function isObject(value: unknown): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

/** A name that R4 does not know is shown only when it looks like a name. */
function shownName(name: string): string {
  return /^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(name) ? name : '?';
}

class Checker {
  readonly findings = new Findings();
  /** Ids of contained resources that References of this container name. */
  #referenced = new Set<string>();
  /** Ids that its canonicals and uris name, which dom-3 counts too and ref-1 does not. */
  #mentioned = new Set<string>();
  #around: Around = { resource: {}, root: {} };

  constructor(readonly moreRules: ((path: string) => MoreRule | undefined) | undefined) {}

  /** A resource that stands on its own: the one asked about, or one in a Bundle or in Parameters. */
  container(value: unknown): void {
    const { findings } = this;
    const [referenced, mentioned] = [this.#referenced, this.#mentioned];
    this.#referenced = new Set();
    this.#mentioned = new Set();
    const around = this.#around;
    const top = findings.depth === 0;
    const type = this.#typeOf(value);
    if (type !== undefined && isObject(value)) {
      this.#around = { resource: value, root: value };
      if (top) findings.enter(type);
      this.#object(checkNode(type), value, true);
      this.#contained(value['contained']);
      if (top) findings.leave();
    }
    this.#referenced = referenced;
    this.#mentioned = mentioned;
    this.#around = around;
  }

  #typeOf(value: unknown): string | undefined {
    const type = isObject(value) ? value['resourceType'] : undefined;
    if (typeof type === 'string' && isResourceType(type)) return type;
    this.findings.add(
      'type',
      isObject(value) ? 'resourceType is missing or none of R4' : 'a resource is an object',
    );
    return undefined;
  }

  /** A resource that lives in another one's `contained`. */
  #inside(resource: FhirValue): void {
    const { findings } = this;
    const type = this.#typeOf(resource);
    if (type === undefined || !isObject(resource)) return;
    const around = this.#around;
    this.#around = { resource, root: around.root };
    this.#object(checkNode(type), resource, true);
    this.#around = around;
    const meta = resource['meta'];
    if ('contained' in resource) findings.add('rule', 'dom-2: a contained resource contains no resources');
    if (!('id' in resource)) findings.add('rule', 'a contained resource has an id', 'id');
    if (!isObject(meta)) return;
    if ('versionId' in meta || 'lastUpdated' in meta)
      findings.add('rule', 'dom-4: a contained resource has no version', 'meta');
    if ('security' in meta) findings.add('rule', 'dom-5: a contained resource has no security label', 'meta');
  }

  /** R4 ref-1 and dom-3: what is contained is referenced, what is referenced is contained. */
  #contained(contained: FhirValue | undefined): void {
    const ids = new Set<string>();
    for (const resource of Array.isArray(contained) ? contained : []) {
      if (isObject(resource) && typeof resource['id'] === 'string') ids.add(resource['id']);
    }
    for (const id of this.#referenced) {
      if (id !== '' && !ids.has(id))
        this.findings.add('target', 'ref-1: a reference to a contained resource that is not there');
    }
    for (const id of ids) {
      if (!this.#referenced.has(id) && !this.#mentioned.has(id) && !this.#referenced.has('')) {
        this.findings.add('rule', 'dom-3: a contained resource that nothing refers to', 'contained');
      }
    }
  }

  #object(node: CheckNode, value: FhirObject, isResource: boolean): void {
    const { findings } = this;
    if (findings.depth > depthMax) return findings.add('type', 'nested too deeply');
    let seen = 0;
    let content = false;
    for (const name in value) {
      const inner = value[name];
      if (inner === undefined) continue;
      const member = node.members.get(name);
      if (!member) {
        if (name === 'resourceType' && isResource) content = true;
        else findings.add('unknown', `${node.path} has no element of this name`, shownName(name));
        continue;
      }
      content ||= name !== 'id';
      if (member.bit !== 0) {
        const twice = member.choice && (seen & member.bit) !== 0 && !(member.partner in value);
        if (twice) findings.add('choice', 'a choice has two types', name);
        seen |= member.bit;
      }
      findings.enter(name);
      this.#member(member, inner, value);
      findings.leave();
    }
    for (const { bit, name } of node.required) {
      if ((seen & bit) === 0) findings.add('required', 'the element is missing', name);
    }
    if (!content) findings.add('empty', 'an element without value or children');
    const rule = ruleOf(node.path);
    if (rule) rule(value, findings);
    for (const message of this.moreRules?.(node.path)?.(value, this.#around) ?? [])
      findings.add('rule', message);
  }

  #member(member: CheckMember, value: FhirValue, owner: FhirObject): void {
    const { findings } = this;
    if (member.max === 1) {
      if (Array.isArray(value)) return findings.add('cardinality', 'one value, not an array');
      return this.#value(member, value);
    }
    if (!Array.isArray(value)) return findings.add('cardinality', 'an array, also for one value');
    if (value.length === 0) return findings.add('empty', 'an empty array');
    if (value.length > member.max) findings.add('cardinality', `at most ${member.max} values`);
    const beside = member.partner === '' ? undefined : owner[member.partner];
    if (Array.isArray(beside) && beside.length !== value.length) {
      findings.add('cardinality', 'the arrays of values and of their extensions differ in length');
    }
    for (let i = 0; i < value.length; i++) {
      const item = value[i] ?? null;
      // R4, section 2.6.2.3: null fills the place of a value that has only extensions, and the other way round.
      if (item === null && Array.isArray(beside) && (beside[i] ?? null) !== null) continue;
      findings.enter(i);
      this.#value(member, item);
      findings.leave();
    }
  }

  #value(member: CheckMember, value: FhirValue): void {
    const { findings } = this;
    const { content } = member;
    switch (content.form) {
      case 'primitive':
        if (value === '') return findings.add('empty', 'an empty string');
        if (!content.check(value)) return findings.add('format', primitiveFault(member.typeName, value));
        if (content.codes && !content.codes.has(value as string)) {
          findings.add('code', `the code is not in ${member.binding?.url ?? ''}`);
        }
        if (typeof value === 'string' && value.charCodeAt(0) === 0x23) this.#mentioned.add(value.slice(1));
        return;
      case 'resource':
        if (member.name === 'contained') return this.#inside(value);
        return this.container(value);
      case 'object': {
        if (!isObject(value)) return findings.add('type', 'not an object');
        this.#object(content.node(), value, false);
        if (!member.companion) this.#typed(member, value);
      }
    }
  }

  /** What the place of a data type adds to the type: reference targets, bindings, the SimpleQuantity profile. */
  #typed(member: CheckMember, value: FhirObject): void {
    const { findings } = this;
    switch (member.typeName) {
      case 'Reference': {
        const literal = value['reference'];
        if (typeof literal === 'string' && literal.startsWith('#')) this.#referenced.add(literal.slice(1));
        return checkReference(value, member.targets, findings);
      }
      case 'CodeableConcept': {
        const codings = value['coding'];
        if (
          member.binding &&
          !(Array.isArray(codings) && codings.some((coding) => isBound(coding, member.binding)))
        ) {
          findings.add('code', `no coding is in ${member.binding.url}`);
        }
        return;
      }
      case 'Coding':
        if (member.binding && !isBound(value, member.binding))
          findings.add('code', `the code is not in ${member.binding.url}`);
        return;
      case 'Quantity':
        if (member.simpleQuantity && value['comparator'] !== undefined) {
          findings.add('rule', 'sqty-1: no comparator here', 'comparator');
        }
    }
  }
}

function isBound(coding: FhirValue, binding: ValueSetCodes | undefined): boolean {
  if (!binding || !isObject(coding)) return false;
  const { system, code } = coding;
  return (
    typeof system === 'string' && typeof code === 'string' && binding.systems.get(system)?.has(code) === true
  );
}

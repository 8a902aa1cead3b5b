import { EngineError } from '#kernel';
import { functions } from './functions.js';
import { type Item, isObject, nothing, resourceItem, stepper, text, truth } from './item.js';
import { isOfType } from './kinds.js';
import { operators } from './operators.js';
import type { Program, Scope } from './program.js';
import { parseFhirpath, type Syntax } from './syntax.js';

const programs = new Map<string, Program>();
/** Invariants of R4 and of some hundred profiles. */
const programsMax = 5_000;

/**
 * Compiles an expression of FHIRPath (N1), as far as invariants use it: no terminology, no resolving of references but
 * contained ones and by type. `rejected` (FHIRPATH_SYNTAX, FHIRPATH_UNKNOWN) for what is not understood.
 */
export function compileFhirpath(source: string): Program {
  let program = programs.get(source);
  if (!program) {
    program = compile(parseFhirpath(source));
    if (programs.size < programsMax) programs.set(source, program);
  }
  return program;
}

/** The same of what is parsed, not remembered. */
export function compile(syntax: Syntax): Program {
  switch (syntax.kind) {
    case 'literal': {
      const items = [{ value: syntax.value, type: syntax.type }];
      return () => items;
    }
    case 'nothing':
      return () => nothing;
    case 'focus':
      return (focus) => focus;
    case 'variable':
      return variable(syntax.name);
    case 'member':
      return member(syntax.name, syntax.of);
    case 'index': {
      const [of, index] = [compile(syntax.of), compile(syntax.index)];
      return (focus, scope) => {
        const at = index(focus, scope)[0]?.value;
        const found = typeof at === 'number' ? of(focus, scope)[at] : undefined;
        return found ? [found] : nothing;
      };
    }
    case 'type': {
      const of = compile(syntax.of);
      const { name, type } = syntax;
      return (focus, scope) => {
        const items = of(focus, scope);
        if (name === 'as') return items.filter((item) => isOfType(item, type));
        return items[0] ? truth(isOfType(items[0], type)) : nothing;
      };
    }
    case 'operator': {
      const operator = operators.get(syntax.name);
      if (!operator) return unknown(syntax.name);
      const [left, right] = [compile(syntax.left), compile(syntax.right)];
      return (focus, scope) => operator(left(focus, scope), () => right(focus, scope));
    }
    case 'call':
      return call(syntax);
  }
}

function unknown(name: string): never {
  throw new EngineError('rejected', 'FHIRPATH_UNKNOWN', `${name} is not supported here`);
}

const constants: Readonly<Record<string, string>> = {
  ucum: 'http://unitsofmeasure.org',
  loinc: 'http://loinc.org',
  sct: 'http://snomed.info/sct',
};

function variable(name: string): Program {
  if (name === 'context') return (_, scope) => [scope.context];
  if (name === 'resource') return (_, scope) => [scope.resource];
  if (name === 'rootResource') return (_, scope) => [scope.root];
  const constant = constants[name];
  if (constant === undefined) return unknown(`%${name}`);
  const items = text(constant);
  return () => items;
}

function member(name: string, of: Syntax | undefined): Program {
  const step = stepper(name);
  if (of === undefined) {
    return (focus) => {
      const out: Item[] = [];
      for (const item of focus) {
        // An expression may start with the type it is about: `Appointment.status`.
        if (item.type === name) out.push(item);
        else step(item, out);
      }
      return out;
    };
  }
  const owners = compile(of);
  return (focus, scope) => {
    const out: Item[] = [];
    for (const item of owners(focus, scope)) step(item, out);
    return out;
  };
}

function call({ of, name, args }: Extract<Syntax, { kind: 'call' }>): Program {
  const input: Program = of ? compile(of) : (focus) => focus;
  const first = args[0];
  if (name === 'is' || name === 'as' || name === 'ofType') {
    const type = first?.kind === 'member' ? first.name : unknown(`${name} of something that is no type`);
    return (focus, scope) => {
      const items = input(focus, scope);
      if (name !== 'is') return items.filter((item) => isOfType(item, type));
      return items[0] ? truth(isOfType(items[0], type)) : nothing;
    };
  }
  if (name === 'resolve')
    return (focus, scope) => input(focus, scope).flatMap((item) => resolved(item, scope));
  const known = functions.get(name) ?? unknown(`${name}()`);
  const compiled = args.map(compile);
  return (focus, scope) => known(input(focus, scope), compiled, scope, focus);
}

/** A contained resource, one of the Bundle around, or else a resource of which only the type is known. */
function resolved(item: Item, { root, entries }: Scope): Item[] {
  const reference = isObject(item.value) ? item.value['reference'] : item.value;
  if (typeof reference !== 'string') return [];
  const entry = entries?.get(reference);
  if (entry) return [resourceItem(entry)];
  if (!reference.startsWith('#')) {
    const type = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]+(?:\/_history\/[A-Za-z0-9.-]+)?$/.exec(
      reference,
    )?.[1];
    return type === undefined ? [] : [resourceItem({ resourceType: type })];
  }
  const contained = isObject(root.value) ? root.value['contained'] : undefined;
  if (!Array.isArray(contained)) return [];
  return contained
    .filter(isObject)
    .filter(({ id }) => id === reference.slice(1))
    .map(resourceItem);
}

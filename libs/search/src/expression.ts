import { choiceName, elementType } from '#fhir';
import { assert } from '#kernel';

/** What R4 says about the values that one way through a resource leads to. */
export interface Leaf {
  /** `CodeableConcept`, `code`, `Period`, ... */
  readonly type: string;
  /** Of a code with a required binding: code -> the system it belongs to. */
  readonly systems: ReadonlyMap<string, string> | undefined;
}

export type Emit = (value: unknown, leaf: Leaf) => void;

/** Takes values out of a resource or element; calls `emit` for each, lists flattened. */
export interface Extract {
  (element: unknown, emit: Emit): void;
  /** The same from the members of the element, for a reader that goes through these; undefined: it must see the element. */
  readonly byMember?: readonly MemberExtract[];
  /** True where there is never more than one value. */
  readonly single?: boolean;
}

/** Takes values out of one member of an element. */
export interface MemberExtract {
  readonly member: string;
  readonly extract: (value: unknown, emit: Emit) => void;
}

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly at: number }
  | { readonly kind: 'equals'; readonly name: string; readonly value: string }
  | { readonly kind: 'resolves'; readonly type: string };

/** One way through the members of a resource, choices decided. */
interface Route {
  readonly steps: readonly Step[];
  readonly leaf: Leaf;
  readonly many: boolean;
}

const ALWAYS_TRUE_OR_FALSE = /^(\w+)\.exists\(\) and \1 != false$/;
const TOKEN = /\s*(?:(where|as|ofType)\(|([A-Za-z_$%]\w*)|\[(\d+)\]|([().|]))/y;
const CONDITION = /(?:resolve\(\) is (\w+)|(\w+)\s*=\s*'([^']*)')\)/y;
const TYPE_NAME = /([A-Za-z]+)\)/y;

/**
 * Compiles the part of FHIRPath that R4 search parameters are written in: paths, `|`, `as`, `where(a='b')`,
 * `where(resolve() is X)`, `[n]`. `below` is where the expression starts, a path in `type` ('' for the resource itself). Throws a `bug` for
 * an expression that it does not understand: they are a table of ours.
 */
export function compileExpression(type: string, below: string, expression: string): Extract {
  const decided = ALWAYS_TRUE_OR_FALSE.exec(expression);
  if (decided) return trueOrFalse(compileExpression(type, below, decided[1] as string));
  const routes = new ExpressionReader(type, below, expression).union();
  const extract: Extract = (element, emit) => {
    for (const { steps, leaf } of routes) walk(element, steps, 0, leaf, emit);
  };
  const byMember = routes.flatMap(({ steps, leaf }): MemberExtract[] => {
    const [first] = steps;
    return first?.kind === 'member'
      ? [{ member: first.name, extract: (value, emit) => walk(value, steps, 1, leaf, emit) }]
      : [];
  });
  const single = !expression.includes('|') && routes.every(({ many }) => !many);
  return Object.assign(extract, byMember.length === routes.length ? { byMember, single } : { single });
}

/** The paths (dots, no indexes) that an expression leads to, for what stands below them. */
export function pathsOf(
  type: string,
  expression: string,
): { readonly path: string; readonly extract: Extract }[] {
  return new ExpressionReader(type, '', expression).union().map(({ steps, leaf }) => ({
    path: steps.flatMap((step) => (step.kind === 'member' ? [step.name] : [])).join('.'),
    extract: (element, emit) => walk(element, steps, 0, leaf, emit),
  }));
}

function trueOrFalse(extract: Extract): Extract {
  const leaf: Leaf = { type: 'boolean', systems: undefined };
  return (element, emit) => {
    let found = false;
    extract(element, (value) => {
      if (value !== false) found = true;
    });
    emit(found, leaf);
  };
}

function walk(value: unknown, steps: readonly Step[], depth: number, leaf: Leaf, emit: Emit): void {
  const step = steps[depth];
  if (Array.isArray(value)) {
    if (step?.kind === 'index') walk((value as unknown[])[step.at], steps, depth + 1, leaf, emit);
    else for (const item of value as unknown[]) walk(item, steps, depth, leaf, emit);
    return;
  }
  if (value === undefined || value === null) return;
  if (step === undefined) {
    emit(value, leaf);
    return;
  }
  if (typeof value !== 'object') return;
  switch (step.kind) {
    case 'member':
      walk((value as Record<string, unknown>)[step.name], steps, depth + 1, leaf, emit);
      return;
    case 'index':
      if (step.at === 0) walk(value, steps, depth + 1, leaf, emit);
      return;
    case 'equals':
      if ((value as Record<string, unknown>)[step.name] === step.value)
        walk(value, steps, depth + 1, leaf, emit);
      return;
    case 'resolves':
      if (mayBe(value, step.type)) walk(value, steps, depth + 1, leaf, emit);
  }
}

/** What a reference says about the type of its target; one that says nothing (a URN, an identifier) is none. */
function mayBe(reference: object, type: string): boolean {
  const { reference: url, type: said } = reference as { reference?: unknown; type?: unknown };
  if (typeof url === 'string' && !url.startsWith('#')) {
    const match = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(
      url,
    );
    if (match) return match[1] === type;
  }
  return said === type;
}

/** What else counts as a type, where R4 uses it in an expression. */
const subtypes: Readonly<Record<string, readonly string[]>> = {
  uri: ['canonical', 'url', 'oid', 'uuid'],
  Quantity: ['Age', 'Duration', 'Count', 'Distance'],
  string: ['code', 'id', 'markdown'],
};

interface Position {
  readonly steps: readonly Step[];
  /** Path in the type where the expression starts from. */
  readonly path: string;
  readonly types: readonly string[];
  /** A list was passed on the way. */
  readonly many: boolean;
}

/** Reads an expression once; each position is a place that the expression so far may lead to. */
class ExpressionReader {
  private at = 0;

  constructor(
    private readonly type: string,
    private readonly below: string,
    private readonly text: string,
  ) {}

  union(): Route[] {
    const positions = this.alternatives();
    assert(this.at >= this.text.length, 'SEARCH_EXPRESSION_UNKNOWN', this.text);
    return positions.flatMap((position) => this.routesOf(position));
  }

  private alternatives(): Position[] {
    const found = this.term();
    while (this.text.startsWith(' | ', this.at)) {
      this.at += 3;
      found.push(...this.term());
    }
    return found;
  }

  private term(): Position[] {
    let found: Position[] = [{ steps: [], path: this.below, types: [this.type], many: false }];
    for (;;) {
      TOKEN.lastIndex = this.at;
      const token = TOKEN.exec(this.text);
      if (token === null || token[4] === '|' || token[4] === ')') return found;
      this.at = TOKEN.lastIndex;
      const [, call, name, index, sign] = token;
      if (call === 'where') found = this.where(found);
      else if (call !== undefined) found = this.as(found, this.typeName());
      else if (index !== undefined) found = after(found, { kind: 'index', at: Number(index) });
      else if (sign === '(') {
        found = this.alternatives();
        assert(this.text[this.at] === ')', 'SEARCH_EXPRESSION_UNKNOWN', this.text);
        this.at++;
      } else if (name === 'as') {
        found = this.as(found, /^\s*(\w+)/.exec(this.text.slice(this.at))?.[1] ?? '');
        this.at += /^\s*\w+/.exec(this.text.slice(this.at))?.[0].length ?? 0;
      } else if (name !== undefined && name !== '$this')
        found = found.flatMap((one) => this.member(one, name));
    }
  }

  private where(found: readonly Position[]): Position[] {
    CONDITION.lastIndex = this.at;
    const match = CONDITION.exec(this.text);
    assert(match !== null, 'SEARCH_EXPRESSION_UNKNOWN', this.text);
    this.at = CONDITION.lastIndex;
    const [, target, name = '', value = ''] = match;
    return after(
      found,
      target === undefined ? { kind: 'equals', name, value } : { kind: 'resolves', type: target },
    );
  }

  private typeName(): string {
    TYPE_NAME.lastIndex = this.at;
    const match = TYPE_NAME.exec(this.text);
    assert(match !== null, 'SEARCH_EXPRESSION_UNKNOWN', this.text);
    this.at = TYPE_NAME.lastIndex;
    return match[1] as string;
  }

  /** A choice is decided as soon as something is asked of it: each of its types is a member of its own. */
  private member(position: Position, name: string): Position[] {
    const path = position.path === '' ? name : `${position.path}.${name}`;
    const element = elementType(this.type, path);
    if (!element.known) return []; // another choice has it
    const types = element.types;
    const many = position.many || element.max > 1;
    if (!element.choice) {
      return [{ steps: [...position.steps, { kind: 'member', name }], path, types, many }];
    }
    return types.map((type) => {
      const chosen = choiceName(name, type);
      const chosenPath = position.path === '' ? chosen : `${position.path}.${chosen}`;
      return {
        steps: [...position.steps, { kind: 'member', name: chosen }],
        path: chosenPath,
        types: [type],
        many,
      };
    });
  }

  private as(found: readonly Position[], type: string): Position[] {
    const wanted = [type, ...(subtypes[type] ?? [])].map((one) => one.toLowerCase()); // R4 also writes DateTime
    return found.filter(({ types }) => types.some((one) => wanted.includes(one.toLowerCase())));
  }

  private routesOf({ steps, path, types, many }: Position): Route[] {
    const element = path === '' ? undefined : elementType(this.type, path);
    const systems = new Map<string, string>();
    if (element?.known && element.binding && types[0] === 'code') {
      for (const [system, codes] of element.binding.systems)
        for (const code of codes) systems.set(code, system);
    }
    return [
      { steps, leaf: { type: types[0] ?? '', systems: systems.size === 0 ? undefined : systems }, many },
    ];
  }
}

function after(found: readonly Position[], step: Step): Position[] {
  return found.map((one) => ({ ...one, steps: [...one.steps, step] }));
}

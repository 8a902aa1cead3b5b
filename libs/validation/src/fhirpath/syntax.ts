import { EngineError } from '#kernel';

/** An expression of FHIRPath (N1), parsed. `of` undefined: from the focus. */
export type Syntax =
  | { readonly kind: 'literal'; readonly value: string | number | boolean; readonly type: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'focus' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Syntax | undefined; readonly name: string }
  | {
      readonly kind: 'call';
      readonly of: Syntax | undefined;
      readonly name: string;
      readonly args: readonly Syntax[];
    }
  | { readonly kind: 'index'; readonly of: Syntax; readonly index: Syntax }
  | { readonly kind: 'operator'; readonly name: string; readonly left: Syntax; readonly right: Syntax }
  | { readonly kind: 'type'; readonly name: 'is' | 'as'; readonly of: Syntax; readonly type: string };

/** The operators by how closely they bind (FHIRPath N1, section 9). */
const closeness: Readonly<Record<string, number>> = {
  implies: 1,
  or: 2,
  xor: 2,
  and: 3,
  in: 4,
  contains: 4,
  '=': 5,
  '!=': 5,
  '~': 5,
  '!~': 5,
  '<': 6,
  '<=': 6,
  '>': 6,
  '>=': 6,
  '|': 7,
  is: 8,
  as: 8,
  '+': 9,
  '-': 9,
  '&': 9,
};
const nestingMax = 64;
const lengthMax = 20_000;
const token =
  /\s*(?:('(?:[^'\\]|\\.)*')|(`[^`]*`)|(\d+(?:\.\d+)?)|(@[\dT:.+Z-]+)|([A-Za-z_$%][\w$-]*(?<!-))|(!=|!~|<=|>=|[-.()[\]{}=~<>|+&,*/])|(\S))/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' };

/** Parses an expression; `rejected` with the place of what it does not understand. */
export function parseFhirpath(source: string): Syntax {
  if (source.length > lengthMax)
    throw new EngineError('rejected', 'FHIRPATH_TOO_LONG', `more than ${lengthMax} characters`);
  const parser = new Parser(source);
  const syntax = parser.expression(0);
  parser.end();
  return syntax;
}

class Parser {
  readonly #tokens: { readonly text: string; readonly at: number }[] = [];
  #next = 0;
  #nesting = 0;

  constructor(source: string) {
    token.lastIndex = 0;
    for (let match = token.exec(source); match && match[0] !== ''; match = token.exec(source))
      this.#tokens.push({ text: match[0].trim(), at: token.lastIndex - match[0].trim().length });
  }

  get #text(): string {
    return this.#tokens[this.#next]?.text ?? '';
  }

  end(): void {
    if (this.#text !== '') this.#refuse();
  }

  expression(least: number): Syntax {
    if (++this.#nesting > nestingMax) this.#refuse();
    let left = this.#term();
    for (;;) {
      const name = this.#text;
      const close = Object.hasOwn(closeness, name) ? (closeness[name] ?? 0) : 0;
      if (close === 0 || close <= least) break;
      this.#next += 1;
      if (name === 'is' || name === 'as') left = { kind: 'type', name, of: left, type: this.#typeName() };
      else left = { kind: 'operator', name, left, right: this.expression(close) };
    }
    this.#nesting -= 1;
    return left;
  }

  #term(): Syntax {
    let of = this.#first();
    for (;;) {
      if (this.#take('.')) of = this.#step(of);
      else if (this.#take('[')) {
        of = { kind: 'index', of, index: this.expression(0) };
        this.#expect(']');
      } else return of;
    }
  }

  #first(): Syntax {
    const text = this.#text;
    const first = text.charAt(0);
    if (this.#take('(')) {
      const inside = this.expression(0);
      this.#expect(')');
      return inside;
    }
    if (this.#take('{')) {
      this.#expect('}');
      return { kind: 'nothing' };
    }
    if (this.#take('$this')) return { kind: 'focus' };
    if (first === "'") return this.#literal(unquoted(text), 'string');
    if (/\d/.test(first)) return this.#literal(Number(text), text.includes('.') ? 'decimal' : 'integer');
    if (text === 'true' || text === 'false') return this.#literal(text === 'true', 'boolean');
    if (first === '@') return this.#literal(text.slice(1), text.includes('T') ? 'dateTime' : 'date');
    if (first === '%') {
      this.#next += 1;
      return { kind: 'variable', name: text.slice(1) };
    }
    return this.#step(undefined);
  }

  #literal(value: string | number | boolean, type: string): Syntax {
    this.#next += 1;
    return { kind: 'literal', value, type };
  }

  #step(of: Syntax | undefined): Syntax {
    const name = this.#name();
    if (!this.#take('(')) return { kind: 'member', of, name };
    const args: Syntax[] = [];
    if (!this.#take(')')) {
      do args.push(this.expression(0));
      while (this.#take(','));
      this.#expect(')');
    }
    return { kind: 'call', of, name, args };
  }

  /** `Quantity`, `FHIR.Quantity`, `System.String`. */
  #typeName(): string {
    const bracketed = this.#take('(');
    let name = this.#name();
    if (this.#take('.')) name = this.#name();
    if (bracketed) this.#expect(')');
    return name;
  }

  #name(): string {
    const text = this.#text;
    if (!/^[A-Za-z_`]/.test(text)) this.#refuse();
    this.#next += 1;
    return text.startsWith('`') ? text.slice(1, -1) : text;
  }

  #take(text: string): boolean {
    if (this.#text !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#refuse();
  }

  #refuse(): never {
    const at = this.#tokens[this.#next]?.at;
    const place = at === undefined ? 'at the end' : `at character ${at + 1}`;
    throw new EngineError('rejected', 'FHIRPATH_SYNTAX', `the expression is not understood ${place}`);
  }
}

function unquoted(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, letter: string) =>
      code === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
    );
}

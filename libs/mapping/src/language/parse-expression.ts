import type { Argument, Condition, ValueExpression } from './expression.js';
import { ExpressionMistake, parsePath, wholePath } from './parse-path.js';

interface Token {
  readonly kind: 'path' | 'word' | 'text' | 'number' | 'symbol' | 'end';
  readonly text: string;
  readonly offset: number;
}

const lengthMax = 2_000;
const depthMax = 30;
const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  [
    'path',
    /(?:[a-z][A-Za-z0-9_]*\.)?[A-Z][A-Z0-9]{2}(?:\[[^\]]*\])?-\d{1,3}(?:\[[^\]]*\])?(?:\.\d{1,2}){0,2}/y,
  ],
  ['path', /(?:[a-z][A-Za-z0-9_]*\.)?[A-Z][A-Z0-9]{2}\[\d+=[^\]]*\]/y],
  ['path', /[A-Z][A-Z0-9_]{1,11}(?:\.\d{1,2}){1,2}(?![A-Za-z0-9_.])/y],
  ['text', /'(?:[^'\\]|\\.)*'/y],
  ['number', /-?\d+(?:\.\d+)?/y],
  ['word', /[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*/y],
  ['symbol', /\?\?|==|!=|[|()[\],=<>]/y],
];
const space = /\s*/y;

function tokenize(text: string): Token[] {
  if (text.length > lengthMax)
    throw new ExpressionMistake(0, 'an expression is at most 2000 characters long', 'split the rule');
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    space.lastIndex = offset;
    space.exec(text);
    offset = space.lastIndex;
    if (offset >= text.length) break;
    const token = tokenAt(text, offset);
    tokens.push(token);
    offset += token.text.length;
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

function tokenAt(text: string, offset: number): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = offset;
    const match = pattern.exec(text);
    if (match) return { kind, text: match[0], offset };
  }
  throw new ExpressionMistake(
    offset,
    `'${text.charAt(offset)}' has no meaning here`,
    "text stands in 'single quotes'",
  );
}

/** Parses a value; throws ExpressionMistake. */
export function parseValue(text: string): ValueExpression {
  const parser = new Parser(tokenize(text));
  const value = parser.value();
  parser.end();
  return value;
}

/** Parses a condition; throws ExpressionMistake. */
export function parseCondition(text: string): Condition {
  const parser = new Parser(tokenize(text));
  const condition = parser.condition();
  parser.end();
  return condition;
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly tokens: readonly Token[]) {}

  value(): ValueExpression {
    if (++this.#depth > depthMax) this.fail('the expression is nested too deep', 'split the rule');
    const offset = this.peek().offset;
    const options = [this.piped()];
    while (this.accept('??')) options.push(this.piped());
    this.#depth--;
    const [only, ...others] = options;
    return only && others.length === 0 ? only : { kind: 'first', offset, options };
  }

  condition(): Condition {
    if (++this.#depth > depthMax) this.fail('the condition is nested too deep', 'split the rule');
    const condition = this.joined('or', () => this.joined('and', () => this.negated()));
    this.#depth--;
    return condition;
  }

  end(): void {
    if (this.peek().kind !== 'end')
      this.fail(
        `'${this.peek().text}' is not expected here`,
        'end the expression before it, or join with |, ?? or and',
      );
  }

  private joined(word: 'and' | 'or', part: () => Condition): Condition {
    const offset = this.peek().offset;
    const parts = [part()];
    while (this.accept(word)) parts.push(part());
    const [only, ...others] = parts;
    return only && others.length === 0 ? only : { kind: word, offset, parts };
  }

  private negated(): Condition {
    const offset = this.peek().offset;
    if (this.accept('not')) return { kind: 'not', offset, part: this.negated() };
    return this.test();
  }

  private test(): Condition {
    const start = this.#at;
    const offset = this.peek().offset;
    if (this.accept('(')) {
      // A parenthesis may hold a condition or a value; what follows the closing one tells.
      const condition = this.attempt(() => {
        const inner = this.condition();
        this.expect(')');
        return inner;
      });
      if (condition) return condition;
      this.#at = start;
    }
    if (this.peek().text === 'count' && this.peek(1).text === '(') return this.count(offset);
    const left = this.value();
    if (this.accept('==')) return { kind: 'equals', offset, left, right: [this.value()] };
    if (this.accept('!=')) return not({ kind: 'equals', offset, left, right: [this.value()] });
    const negated = this.accept('not');
    if (this.accept('valued')) return negate(negated, { kind: 'valued', offset, value: left });
    if (this.accept('in')) return negate(negated, { kind: 'equals', offset, left, right: this.listed() });
    return this.fail('a condition compares: ==, !=, in [..], valued, not valued', 'complete the condition');
  }

  private count(offset: number): Condition {
    this.#at += 1;
    this.expect('(');
    const counted = this.piped();
    const path = counted.kind === 'name' ? wholePath(undefined, counted.name, counted.offset) : counted;
    if (path.kind !== 'path') return this.fail('count() takes a path', 'write count(OBX-5) for instance');
    this.expect(')');
    const operator = this.next();
    const number = this.next();
    if (!['==', '!=', '>', '<'].includes(operator.text) || number.kind !== 'number')
      return this.fail('count() is compared with a number', 'write count(OBX-5) > 1 for instance');
    const test: Condition = {
      kind: 'count',
      offset,
      path,
      operator: operator.text === '>' || operator.text === '<' ? operator.text : '==',
      number: Number(number.text),
    };
    return operator.text === '!=' ? not(test) : test;
  }

  private listed(): ValueExpression[] {
    this.expect('[');
    const values = [this.word()];
    while (this.accept(',')) values.push(this.word());
    this.expect(']');
    return values;
  }

  /** In a list a bare word is text: `in [F, C]`. */
  private word(): ValueExpression {
    const token = this.peek();
    if (token.kind === 'word' || token.kind === 'number') {
      this.#at++;
      return { kind: 'literal', offset: token.offset, text: token.text, numeric: token.kind === 'number' };
    }
    return this.value();
  }

  private piped(): ValueExpression {
    let value = this.operand();
    while (this.accept('|')) {
      const name = this.next();
      if (name.kind !== 'word')
        this.fail('a function is expected after |', 'write for instance | table(sex)');
      value = { kind: 'call', offset: name.offset, name: name.text, input: value, args: this.arguments() };
    }
    if (this.peek().text === 'as' && this.peek().kind === 'word') {
      const { offset } = this.next();
      const type = this.next();
      if (type.kind !== 'word') this.fail('a type is expected after as', 'write for instance as Quantity');
      value = { kind: 'as', offset, input: value, type: type.text };
    }
    return value;
  }

  private arguments(): Argument[] {
    const args: Argument[] = [];
    if (!this.accept('(')) return args;
    if (this.accept(')')) return args;
    do {
      const named = this.peek().kind === 'word' && this.peek(1).text === '=';
      const name = named ? this.next().text : undefined;
      if (named) this.next();
      args.push({ name, value: this.value() });
    } while (this.accept(','));
    this.expect(')');
    return args;
  }

  private operand(): ValueExpression {
    const token = this.next();
    const { offset } = token;
    switch (token.kind) {
      case 'path':
        return parsePath(token.text, offset);
      case 'text':
        return { kind: 'literal', offset, text: unquote(token.text), numeric: false };
      case 'number':
        return { kind: 'literal', offset, text: token.text, numeric: true };
      case 'word':
        return this.named(token);
      case 'symbol': {
        if (token.text !== '(')
          return this.fail(`'${token.text}' is not expected here`, 'a value starts here', token);
        const value = this.value();
        this.expect(')');
        return value;
      }
      case 'end':
        return this.fail('a value is missing', 'complete the expression', token);
    }
  }

  private named(token: Token): ValueExpression {
    const { text, offset } = token;
    if (this.peek().text === '(')
      return { kind: 'call', offset, name: text, input: undefined, args: this.arguments() };
    if (text.startsWith('channel.'))
      return { kind: 'parameter', offset, name: text.slice('channel.'.length) };
    if (/^[A-Z][A-Z0-9_]+$/.test(text) && !text.includes('.')) return wholePath(undefined, text, offset);
    const scoped = /^([a-z][A-Za-z0-9_]*)\.([A-Z][A-Z0-9]{2})$/.exec(text);
    if (scoped) return wholePath(scoped[1], scoped[2] ?? '', offset);
    if (text.endsWith('.id')) return { kind: 'name', offset, name: text.slice(0, -3), part: 'id' };
    return { kind: 'name', offset, name: text, part: 'reference' };
  }

  private attempt<T>(read: () => T): T | undefined {
    const at = this.#at;
    const depth = this.#depth;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ExpressionMistake)) throw error;
      // Not a condition: the caller reads it as a value and reports what is wrong with that.
      this.#at = at;
      this.#depth = depth;
      return undefined;
    }
  }

  private peek(ahead = 0): Token {
    const token = this.tokens[Math.min(this.#at + ahead, this.tokens.length - 1)];
    return token ?? { kind: 'end', text: '', offset: 0 };
  }

  private next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  private accept(text: string): boolean {
    const token = this.peek();
    if (token.text !== text || token.kind === 'text') return false;
    this.#at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) this.fail(`'${text}' is expected here`, `write '${text}'`);
  }

  private fail(message: string, remedy: string, token = this.peek()): never {
    throw new ExpressionMistake(token.offset, message, remedy);
  }
}

function not(part: Condition): Condition {
  return { kind: 'not', offset: part.offset, part };
}

function negate(negated: boolean, part: Condition): Condition {
  return negated ? not(part) : part;
}

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(.)/g, (_match, character: string) => (character === 'n' ? '\n' : character));
}

// The conditions of the official tables (`IF PR1-3.9 NOT VALUED AND PR1-2 EQUALS "C4"`) in our language.

/** Words, paths, strings, brackets and comparisons; undefined when there is anything else. */
function tokensOf(text) {
  const tokens = [];
  const pattern =
    /\s*(?:([A-Z][A-Z0-9]{1,2}[-.]\d+(?:\.\d+){0,2})|["“]([^"”]*)["”]|'([^']*)'|([A-Za-z]+)|(<>|!=|[()=,<>])|(\d+))/y;
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return undefined;
    const [, path, double, single, word, sign, number] = found;
    if (path !== undefined) tokens.push({ kind: 'path', text: path });
    else if ((double ?? single) !== undefined) tokens.push({ kind: 'string', text: double ?? single });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else tokens.push({ kind: 'word', text: (word ?? sign).toUpperCase() });
    at = pattern.lastIndex;
  }
  return tokens;
}

const quote = (text) => `'${text.replaceAll("'", "''")}'`;

class Reader {
  #tokens;
  #at = 0;

  constructor(tokens) {
    // IF stands at the start and again before parts; IS, ARE and IT say nothing.
    this.#tokens = tokens.filter(({ kind, text }) => kind !== 'word' || !/^(IF|IS|ARE|AREA|IT)$/.test(text));
  }

  get done() {
    return this.#at === this.#tokens.length;
  }

  #take(...words) {
    const end = this.#at + words.length;
    const isThere = words.every((word, i) => {
      const token = this.#tokens[this.#at + i];
      return token?.kind === 'word' && token.text === word;
    });
    if (isThere) this.#at = end;
    return isThere;
  }

  #expect(kind) {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind) throw new Error(`no ${kind}`);
    this.#at++;
    return token.text;
  }

  condition() {
    const parts = [this.#conjunction()];
    while (this.#take('OR')) parts.push(this.#conjunction());
    return parts.join(' or ');
  }

  #conjunction() {
    const parts = [this.#part()];
    while (this.#take('AND')) parts.push(this.#part());
    return parts.join(' and ');
  }

  #part() {
    if (this.#take('(')) {
      const inner = this.condition();
      if (!this.#take(')')) throw new Error('no )');
      return `(${inner})`;
    }
    const path = this.#expect('path').replace(/^([A-Z][A-Z0-9]{2})\./, '$1-');
    if (this.#take('COUNT')) {
      const sign = ['>', '<', '='].find((one) => this.#take(one));
      if (!sign) throw new Error('no comparison');
      return `count(${path}) ${sign === '=' ? '==' : sign} ${this.#expect('number')}`;
    }
    if (this.#take('VALUED')) return `${path} valued`;
    if (this.#take('NOT', 'VALUED') || this.#take('EMPTY')) return `${path} not valued`;
    if (this.#take('NOT', 'IN')) return `${path} not in ${this.#list()}`;
    if (this.#take('IN')) return `${path} in ${this.#list()}`;
    if (
      this.#take('NOT', 'EQUALS') ||
      this.#take('NOT', 'EQUAL') ||
      this.#take('<>') ||
      this.#take('!=') ||
      this.#take('NOT')
    )
      return `${path} != ${quote(this.#expect('string'))}`;
    if (!this.#take('EQUALS')) this.#take('=');
    return `${path} == ${quote(this.#expect('string'))}`;
  }

  #list() {
    if (!this.#take('(')) throw new Error('no (');
    const items = [quote(this.#expect('string'))];
    while (this.#take(',')) items.push(quote(this.#expect('string')));
    if (!this.#take(')')) throw new Error('no )');
    return `[${items.join(', ')}]`;
  }
}

/** The condition in our language; undefined when it cannot be said there, or the text has a mistake. */
export function draftCondition(text) {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const reader = new Reader(tokens);
  try {
    const condition = reader.condition();
    return reader.done ? condition : undefined;
  } catch {
    return undefined;
  }
}

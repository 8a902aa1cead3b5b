import { isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';

/** One mistake in a file that an engineer wrote: where it is, what it is, and what to do. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** What reading a file needs at every step: where to note problems and how to find lines. */
export interface Reading {
  readonly file: string;
  readonly lines: LineCounter;
  readonly problems: FileProblem[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One kind of value in a file: how it is read, and what its JSON Schema says. The field spec is schema and docs in one. */
export interface Field<T> {
  readonly schema: object;
  /** Undefined after a problem was noted. */
  read(node: Node, reading: Reading): T | undefined;
}

export interface Member<T> {
  readonly field: Field<T>;
  readonly required: boolean;
  readonly about: string;
}

/** A member that must be there; `about` is its documentation. */
export function required<T>(field: Field<T>, about: string): Member<T> & { required: true } {
  return { field, required: true, about };
}

/** A member that may be there; `about` is its documentation. */
export function optional<T>(field: Field<T>, about: string): Member<T> & { required: false } {
  return { field, required: false, about };
}

/** Notes a mistake at a node (undefined: at the beginning of the file). */
export function note(
  reading: Reading,
  node: Node | undefined,
  code: string,
  message: string,
  remedy: string,
): void {
  const { line, col } = reading.lines.linePos(node?.range?.[0] ?? 0);
  reading.problems.push({ file: reading.file, line, column: col, code, message, remedy });
}

/** `${NAME}` and `${NAME:-default}` from the environment. A name without value and default is a problem. */
function substituted(text: string, node: Node, reading: Reading): string | undefined {
  let missing: string | undefined;
  const value = text.replace(
    /\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback?: string) => {
      const found = reading.environment[name];
      if (found !== undefined && found !== '') return found;
      if (fallback === undefined) missing = name;
      return fallback ?? '';
    },
  );
  if (missing === undefined) return value;
  note(
    reading,
    node,
    'CHANNEL_VARIABLE_UNSET',
    `\${${missing}} has no value`,
    `set ${missing}, or write \${${missing}:-default}`,
  );
  return undefined;
}

/** A scalar read by `parse`, which answers undefined for what it cannot accept; `shape` tells people what is accepted. */
export function scalar<T>(schema: object, shape: string, parse: (text: string) => T | undefined): Field<T> {
  return {
    schema: { ...schema, description: shape },
    read(node, reading) {
      if (!isScalar(node) || node.value === null) {
        note(reading, node, 'CHANNEL_VALUE_WRONG', `expected ${shape}`, `write ${shape}`);
        return undefined;
      }
      // YAML's core schema knows no other scalars
      const written = String(node.value as string | number | boolean);
      const text = substituted(written, node, reading);
      if (text === undefined) return undefined;
      const value = parse(text);
      if (value === undefined)
        note(reading, node, 'CHANNEL_VALUE_WRONG', `'${text}' is not ${shape}`, `write ${shape}`);
      return value;
    },
  };
}

/** A value with the place it stands at, for those who find out later that it names nothing. */
export interface Placed<T> {
  readonly value: T;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A field that also says where its value stands. */
export function placed<T>(field: Field<T>): Field<Placed<T>> {
  return {
    schema: field.schema,
    read(node, reading) {
      const value = field.read(node, reading);
      const { line, col } = reading.lines.linePos(node.range?.[0] ?? 0);
      return value === undefined ? undefined : { value, file: reading.file, line, column: col };
    },
  };
}

/** A list of at most `most` values of one kind. */
export function list<T>(item: Field<T>, most: number): Field<T[]> {
  return {
    schema: { type: 'array', items: item.schema, maxItems: most },
    read(node, reading) {
      if (!isSeq(node) || node.items.length > most) {
        note(
          reading,
          node,
          'CHANNEL_VALUE_WRONG',
          'expected a list',
          `write a list of at most ${most} entries`,
        );
        return undefined;
      }
      const values = node.items.map((entry) => item.read(entry as Node, reading));
      return values.every((value) => value !== undefined) ? (values as T[]) : undefined;
    },
  };
}

/** One of the words, or a map for those who want to say more. */
export function wordOr<W, T>(word: Field<W>, map: Field<T>): Field<W | T> {
  return {
    schema: { anyOf: [word.schema, map.schema] },
    read: (node, reading) => (isMap(node) ? map.read(node, reading) : word.read(node, reading)),
  };
}

/** Any names with values of one kind; `remedy` says what a name is. */
export function record<T>(
  item: Field<T>,
  name: RegExp,
  remedy = 'use a-z, 0-9 and -',
): Field<Map<string, T>> {
  return {
    schema: { type: 'object', additionalProperties: item.schema },
    read(node, reading) {
      const entries = entriesOf(node, reading);
      if (entries === undefined) return undefined;
      const values = new Map<string, T>();
      for (const { key, keyNode, value } of entries) {
        if (!name.test(key)) note(reading, keyNode, 'CHANNEL_NAME_WRONG', `'${key}' is no name`, remedy);
        const read = value === null ? undefined : item.read(value, reading);
        if (read !== undefined) values.set(key, read);
      }
      return values.size === entries.length ? values : undefined;
    },
  };
}

type Members = Readonly<Record<string, Member<unknown>>>;
type ValueOf<M> = M extends Member<infer T> ? T : never;
export type ObjectOf<M extends Members> = {
  readonly [K in keyof M as M[K]['required'] extends true ? K : never]: ValueOf<M[K]>;
} & { readonly [K in keyof M as M[K]['required'] extends true ? never : K]?: ValueOf<M[K]> };

/** A map with known keys: any other key is a problem that names the nearest known one. */
export function object<M extends Members>(members: M): Field<ObjectOf<M>> {
  const names = Object.keys(members);
  const properties = Object.fromEntries(
    names.map((name) => [name, { ...members[name]?.field.schema, description: members[name]?.about }]),
  );
  return {
    schema: {
      type: 'object',
      properties,
      required: names.filter((name) => members[name]?.required),
      additionalProperties: false,
    },
    read(node, reading) {
      const entries = entriesOf(node, reading);
      if (entries === undefined) return undefined;
      const before = reading.problems.length;
      const values: Record<string, unknown> = {};
      for (const { key, keyNode, value } of entries) {
        const member = Object.hasOwn(members, key) ? members[key] : undefined;
        if (member === undefined) {
          note(
            reading,
            keyNode,
            'CHANNEL_KEY_UNKNOWN',
            `unknown key '${key}'`,
            `known here: ${names.join(', ')}`,
          );
        } else if (value) {
          const read = member.field.read(value, reading);
          if (read !== undefined) values[key] = read;
        } else {
          note(
            reading,
            keyNode,
            'CHANNEL_VALUE_WRONG',
            `'${key}' has no value`,
            'give it one, or remove the line',
          );
        }
      }
      for (const name of names) {
        if (!members[name]?.required || entries.some((entry) => entry.key === name)) continue;
        note(
          reading,
          node,
          'CHANNEL_KEY_MISSING',
          `'${name}' is missing`,
          `add ${name}: ${members[name]?.about}`,
        );
      }
      return reading.problems.length === before ? (values as ObjectOf<M>) : undefined;
    },
  };
}

/** A value that must hold a condition over its parts; `check` answers what is wrong and what to do. */
export function checked<T>(
  field: Field<T>,
  check: (value: T) => { readonly message: string; readonly remedy: string } | undefined,
): Field<T> {
  return {
    schema: field.schema,
    read(node, reading) {
      const value = field.read(node, reading);
      const wrong = value === undefined ? undefined : check(value);
      if (wrong === undefined) return value;
      note(reading, node, 'CHANNEL_VALUE_WRONG', wrong.message, wrong.remedy);
      return undefined;
    },
  };
}

function entriesOf(node: Node, reading: Reading) {
  if (!isMap(node)) {
    note(reading, node, 'CHANNEL_VALUE_WRONG', 'expected keys with values', 'write key: value lines');
    return undefined;
  }
  return node.items.map((pair: Pair) => ({
    key: isScalar(pair.key) ? String(pair.key.value) : '',
    keyNode: pair.key as Node,
    value: pair.value as Node | null,
  }));
}

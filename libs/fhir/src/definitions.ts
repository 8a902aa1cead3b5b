import { assert } from '#kernel';
import { r4Tables } from './r4-tables.js';

/** The codes of a required binding: system -> codes. */
export interface ValueSetCodes {
  readonly url: string;
  readonly systems: ReadonlyMap<string, ReadonlySet<string>>;
}

/** One element as the definitions state it, before any path into it is taken. */
export interface ElementRow {
  /** Last name of the path: `text`, `value[x]`. */
  readonly name: string;
  readonly min: number;
  /** `Infinity` for `*`. */
  readonly max: number;
  readonly types: readonly string[];
  /** SimpleQuantity: a Quantity without comparator. */
  readonly simpleQuantity: boolean;
  readonly choice: boolean;
  /** Resource types a Reference (or canonical) may point to; empty means any. */
  readonly targets: readonly string[];
  readonly binding: ValueSetCodes | undefined;
  /** The node whose children stand below this element, when they are declared in place or by content reference. */
  readonly content: string | undefined;
}

export type NodeKind = 'resource' | 'abstract' | 'complex';

/** A type, or a nested element with children of its own (`Observation.referenceRange`). */
export interface TypeNode {
  /** `Observation`, `Observation.referenceRange`. */
  readonly path: string;
  readonly kind: NodeKind;
  /** In the order of the definitions, inherited elements first. */
  readonly elements: ReadonlyMap<string, ElementRow>;
}

export interface PrimitiveType {
  readonly name: string;
  readonly parent: string;
  /** Anchored; undefined for xhtml, which has no regular expression. */
  readonly pattern: RegExp | undefined;
}

type Row = [
  path: string,
  min: number,
  max: number,
  types: string,
  targets?: number,
  set?: number,
  content?: string,
];
interface Tables {
  types: [name: string, kind: 'r' | 'a' | 'c', parent: string, rows: Row[]][];
  primitives: [name: string, parent: string, pattern: string][];
  targets: string[];
  sets: [url: string, ...systemsAndCodes: string[]][];
}

/** The expressions are those of XML Schema, of which the white space is that of XML; that of JavaScript is wider. */
function plainSpaces(pattern: string): string {
  return pattern
    .replaceAll('[^\\s]', '[^ \\t\\r\\n]')
    .replaceAll('[ \\r\\n\\t\\S]', '[^]')
    .replaceAll('(\\s', '([ \\t\\r\\n]')
    .replaceAll('\\S', '[^ \\t\\r\\n]');
}

class Definitions {
  readonly #types: ReadonlyMap<string, Tables['types'][number]>;
  readonly #primitives: ReadonlyMap<string, PrimitiveType>;
  readonly #targets: readonly (readonly string[])[];
  readonly #sets: Tables['sets'];
  readonly #setCache = new Map<number, ValueSetCodes>();
  readonly #nodes = new Map<string, TypeNode>();

  constructor(tables: Tables) {
    this.#types = new Map(tables.types.map((type) => [type[0], type]));
    this.#primitives = new Map(
      tables.primitives.map(([name, parent, pattern]) => [
        name,
        { name, parent, pattern: pattern === '' ? undefined : new RegExp(`^(?:${plainSpaces(pattern)})$`) },
      ]),
    );
    this.#targets = tables.targets.map((list) => list.split(' '));
    this.#sets = tables.sets;
  }

  typeNames(kind: 'r' | 'a' | 'c'): string[] {
    return [...this.#types.values()].filter((type) => type[1] === kind).map((type) => type[0]);
  }

  primitive(name: string): PrimitiveType | undefined {
    return this.#primitives.get(name);
  }

  primitiveNames(): string[] {
    return [...this.#primitives.keys()];
  }

  /** The node at `path` (a type name, or a nested element's path); undefined when there is none. */
  node(path: string): TypeNode | undefined {
    const known = this.#nodes.get(path);
    if (known) return known;
    const typeName = path.split('.', 1)[0] ?? '';
    const type = this.#types.get(typeName);
    if (!type) return undefined;
    this.#buildType(type);
    return this.#nodes.get(path);
  }

  #buildType([name, letter, parent, rows]: Tables['types'][number]): void {
    const kind: NodeKind = letter === 'r' ? 'resource' : letter === 'a' ? 'abstract' : 'complex';
    const children = new Map<string, Map<string, ElementRow>>([[name, new Map(this.#inherited(parent))]]);
    for (const [path, , , types] of rows) {
      if (types === 'BackboneElement' || types === 'Element')
        children.set(`${name}.${path}`, new Map(this.#inherited(types)));
    }
    for (const row of rows) {
      const dot = row[0].lastIndexOf('.');
      const owner = children.get(dot < 0 ? name : `${name}.${row[0].slice(0, dot)}`);
      assert(owner, 'FHIR_TABLE_ORPHAN', `${name}.${row[0]}`);
      const element = this.#element(row, `${name}.${row[0]}`);
      owner.set(element.name, element);
    }
    for (const [path, elements] of children)
      this.#nodes.set(path, { path, kind: path === name ? kind : 'complex', elements });
  }

  #inherited(parent: string): ReadonlyMap<string, ElementRow> {
    return parent === '' ? new Map() : (this.node(parent)?.elements ?? new Map());
  }

  #element([path, min, max, types, targets = -1, set = -1, content]: Row, fullPath: string): ElementRow {
    const name = path.slice(path.lastIndexOf('.') + 1);
    const list = types === '' ? ['BackboneElement'] : types.split(' ');
    const nested = types === 'BackboneElement' || types === 'Element';
    return {
      name,
      min,
      max: max === 0 ? Number.POSITIVE_INFINITY : max,
      types: list.map((type) => (type === 'SimpleQuantity' ? 'Quantity' : type)),
      simpleQuantity: list.includes('SimpleQuantity'),
      choice: name.endsWith('[x]'),
      targets: this.#targets[targets] ?? [],
      binding: this.#codes(set),
      content: content ?? (nested ? fullPath : undefined),
    };
  }

  #codes(index: number): ValueSetCodes | undefined {
    const row = this.#sets[index];
    if (!row) return undefined;
    let codes = this.#setCache.get(index);
    if (!codes) {
      const systems = new Map<string, ReadonlySet<string>>();
      for (let i = 1; i + 1 < row.length; i += 2) systems.set(row[i] ?? '', new Set(row[i + 1]?.split('\t')));
      codes = { url: row[0], systems };
      this.#setCache.set(index, codes);
    }
    return codes;
  }
}

let loaded: Definitions | undefined;

/** The R4 definitions, parsed on first use. */
export function definitions(): Definitions {
  loaded ??= new Definitions(JSON.parse(r4Tables) as Tables);
  return loaded;
}

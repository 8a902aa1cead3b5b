import type { CdaDocument } from '#cda';
import { Decimal, type FhirObject } from '#fhir';
import type { Message } from '#hl7v2';
import type { RuleBook } from '../compile/scope.js';
import type { ElementLineage, MappedResource } from '../mapping-result.js';
import { type LineageLog, type LogEntry, MadeValue, UsedRow, type WrittenElement } from './lineage-log.js';

/** Part of the log that made an element. */
interface Origin {
  readonly written: WrittenElement;
  readonly begin: number;
  readonly end: number;
}

/** A leaf of the message. */
export interface SourceLeaf {
  readonly path: string;
  readonly text: string;
  readonly digits: string;
}

/** Makes an answer of the notes of a run: where the elements of its resources come from. */
export class MessageLineage {
  /** Elements that were set, by the object they were set in and their name. */
  #written: Map<FhirObject, Map<string, WrittenElement[]>> | undefined;
  #leaves: ReadonlyMap<number, SourceLeaf> | undefined;

  constructor(
    private readonly log: LineageLog,
    /** The leaves of the source by where they start. */
    private readonly leavesOfSource: () => ReadonlyMap<number, SourceLeaf>,
    private readonly resources: readonly MappedResource[],
    private readonly rules: RuleBook,
  ) {}

  *elements(): Generator<ElementLineage> {
    for (const { key, resource } of this.resources) yield* this.#object(key, resource, '', undefined);
  }

  *#object(
    key: string,
    object: FhirObject,
    prefix: string,
    outer: Origin | undefined,
  ): Generator<ElementLineage> {
    for (const [name, value] of Object.entries(object)) {
      if (prefix === '' && (name === 'resourceType' || name === 'id')) continue;
      const written = this.#writtenIn(object, name);
      const path = prefix + name;
      if (Array.isArray(value)) {
        const origins = this.#originsOf(value, written);
        for (const [i, item] of value.entries())
          yield* this.#value(key, item, `${path}[${i}]`, origins[i] ?? outer);
      } else {
        const one = written.find((candidate) => candidate.value === value) ?? written.at(-1);
        const origin = one && { written: one, begin: one.begin, end: one.end };
        yield* this.#value(key, value, path, origin ?? outer);
      }
    }
  }

  *#value(key: string, value: unknown, path: string, origin: Origin | undefined): Generator<ElementLineage> {
    if (typeof value === 'object' && value !== null && !(value instanceof Decimal)) {
      yield* this.#object(key, value as FhirObject, `${path}.`, origin);
      return;
    }
    // Null fills a place in a list beside another.
    if (!origin || value === null) return;
    const { begin, end, written } = origin;
    const rule = this.rules.get(written.rule);
    const text = String(value as string | number | boolean | Decimal);
    const row = this.#rowOf(text, begin, end);
    yield {
      resource: key,
      element: path,
      sources: this.#sourcesOf(row?.code ?? text, begin, end),
      rule: rule?.name ?? '',
      file: written.place?.file ?? rule?.file ?? '',
      line: written.place?.line ?? rule?.line ?? 0,
      ...(row && { table: { file: row.file, line: row.row.line } }),
    };
  }

  /** What made each value of a list, which may stand in it twice. */
  #originsOf(list: readonly unknown[], written: readonly WrittenElement[]): (Origin | undefined)[] {
    const made = new Map<unknown, Origin[]>();
    const holders = new Map<unknown, WrittenElement>();
    for (const one of written) {
      const { begin, end, value } = one;
      for (const item of Array.isArray(value) ? value : [value]) holders.set(item, one);
      for (let i = begin; i < end; i++) {
        const entry = this.log.entries[i];
        if (!(entry instanceof MadeValue) || holders.get(entry.value) !== one) continue;
        const origin = { written: one, begin: entry.begin, end: i };
        const known = made.get(entry.value);
        if (known) known.push(origin);
        else made.set(entry.value, [origin]);
      }
    }
    // Equal values may be one object, made several times: the first of them in the list was made first.
    for (const origins of made.values()) origins.reverse();
    return list.map((item) => {
      const origins = made.get(item);
      const first = origins && origins.length > 1 ? origins.pop() : origins?.[0];
      if (first) return first;
      const one = holders.get(item) ?? written.at(-1);
      return one && { written: one, begin: one.begin, end: one.end };
    });
  }

  /** The row whose code, system or display the text is. */
  #rowOf(text: string, begin: number, end: number): UsedRow | undefined {
    for (let i = begin; i < end; i++) {
      const entry = this.log.entries[i];
      if (!(entry instanceof UsedRow) || entry.row.line === 0) continue;
      const { to, toSystem, display } = entry.row;
      if (text === to || text === toSystem || text === display) return entry;
    }
    return undefined;
  }

  /** The leaf whose text it is; else those whose text is in it; else all that were read for it. */
  #sourcesOf(text: string, begin: number, end: number): string[] {
    const leaves = new Set<SourceLeaf>();
    for (let i = begin; i < end; i++) {
      const leaf = this.#leafOf(this.log.entries[i]);
      if (leaf) leaves.add(leaf);
    }
    const all = [...leaves];
    if (all.length < 2) return all.map(({ path }) => path);
    const digits = digitsOf(text);
    const tests: ((leaf: SourceLeaf) => boolean)[] = [
      (leaf) => leaf.text === text,
      (leaf) => leaf.digits.length > 3 && digits.startsWith(leaf.digits),
      (leaf) => leaf.text.length > 1 && text.includes(leaf.text),
    ];
    for (const test of tests) {
      const found = all.filter(test);
      if (found.length > 0) return found.map(({ path }) => path);
    }
    return all.map(({ path }) => path);
  }

  #leafOf(entry: LogEntry | undefined): SourceLeaf | undefined {
    return typeof entry === 'number' ? (this.#leaves ??= this.leavesOfSource()).get(entry) : undefined;
  }

  #writtenIn(object: FhirObject, name: string): readonly WrittenElement[] {
    this.#written ??= index(this.log);
    return this.#written.get(object)?.get(name) ?? [];
  }
}

/** Those of a message. */
export function leavesOfMessage(message: Message): Map<number, SourceLeaf> {
  const leaves = new Map<number, SourceLeaf>();
  // eslint-disable-next-line max-params -- the visitor has the parameters that hl7v2 gives it
  message.eachLeaf((segment, field, repetition, component, subcomponent, start, end) => {
    const text = message.valueBetween(start, end) ?? '';
    leaves.set(start, sourceLeaf(segment.path(field, repetition, component, subcomponent), text));
  });
  return leaves;
}

/** Those of a document. */
export function leavesOfDocument(document: CdaDocument): Map<number, SourceLeaf> {
  const leaves = new Map<number, SourceLeaf>();
  document.eachLeaf((element, leaf) => {
    leaves.set(leaf.start, sourceLeaf(document.path(element, leaf), document.value(leaf)));
  });
  return leaves;
}

function sourceLeaf(path: string, value: string): SourceLeaf {
  const text = value.trim();
  return { path, text, digits: /^[\d.+-]+$/.test(text) ? digitsOf(text) : '' };
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '');
}

function index(log: LineageLog): Map<FhirObject, Map<string, WrittenElement[]>> {
  const objects = new Map<FhirObject, Map<string, WrittenElement[]>>();
  const add = (object: FhirObject, name: string, one: WrittenElement): void => {
    const names = objects.get(object) ?? new Map<string, WrittenElement[]>();
    objects.set(object, names);
    const list = names.get(name);
    if (list) list.push(one);
    else names.set(name, [one]);
  };
  for (const one of log.written) add(one.target, one.name, one);
  for (let i = 0; i < log.joined.length; i += 2) {
    const names = objects.get(log.joined[i + 1] as FhirObject);
    for (const [name, list] of names ?? [])
      for (const one of list) add(log.joined[i] as FhirObject, name, one);
  }
  return objects;
}

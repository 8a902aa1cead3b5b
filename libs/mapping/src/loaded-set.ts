import { type CsvSource, plainSource, readUnit } from '#csv';
import type { DocumentMap } from './document-map.js';
import { anyDocument } from './language/document-parts.js';
import type { MessageMapSource } from './language/mapping-file.js';
import type { MappingProblem } from './mapping-problem.js';
import type { CompiledMessageMap, MappableSource, MappingSet, RowsMessage } from './mapping-set.js';
import type { MessageMap } from './message-map.js';
import { readSource } from './read-source.js';
import { messageOfUnit } from './rows/message-of-unit.js';
import { isDocument, type Source, typeParts } from './source.js';

/** A message map that is compiled when it is first wanted. */
export class UncompiledMap {
  #compiled: { readonly map: MessageMap | DocumentMap | undefined } | undefined;

  constructor(
    readonly source: MessageMapSource,
    readonly compile: (source: MessageMapSource) => MessageMap | DocumentMap | undefined,
  ) {}

  /** Undefined when it has a mistake. */
  get map(): MessageMap | DocumentMap | undefined {
    this.#compiled ??= { map: this.compile(this.source) };
    return this.#compiled.map;
  }
}

/** The maps of one choice of layers. */
export class LoadedSet implements MappingSet {
  readonly #byMessage = new Map<string, UncompiledMap>();
  readonly #byName = new Map<string, UncompiledMap>();

  constructor(
    readonly all: readonly UncompiledMap[],
    readonly digest: string,
    readonly found: () => readonly MappingProblem[],
  ) {
    for (const one of all) {
      this.#byName.set(one.source.name, one);
      this.#byName.set(one.source.file.replace(/\.yaml$/, ''), one);
      for (const { text } of one.source.for) if (!this.#byMessage.has(text)) this.#byMessage.set(text, one);
    }
  }

  get maps(): readonly (MessageMap | DocumentMap)[] {
    return this.all.flatMap((one) => one.map ?? []);
  }

  get errors(): readonly MappingProblem[] {
    for (const one of this.all) void one.map;
    return this.found();
  }

  forMessage(code: string, trigger: string, structure?: string): CompiledMessageMap | undefined {
    return (
      this.#byMessage.get(`${code}^${trigger}`)?.map ??
      (structure === undefined ? undefined : this.#byMessage.get(structure)?.map) ??
      this.#byMessage.get(code)?.map
    );
  }

  forSource(source: Source): CompiledMessageMap | undefined {
    if (!isDocument(source)) return this.forMessage(...typeParts(source));
    return this.#byMessage.get(`cda/${source.root.name}`)?.map ?? this.#byMessage.get(anyDocument)?.map;
  }

  read(raw: Buffer): MappableSource {
    return readSource(raw, this);
  }

  named(name: string): CompiledMessageMap | undefined {
    return this.#byName.get(name)?.map;
  }

  get layouts(): readonly CsvSource[] {
    return this.all.flatMap(({ source }) => source.rows ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  forRows(raw: Buffer): RowsMessage | undefined {
    const unit = readUnit(raw);
    const one = unit && this.#byName.get(unit.layout);
    const map = one?.source.rows && one.map;
    return unit && { message: messageOfUnit(unit, (map && one.source.rows) ?? plainSource), map };
  }
}

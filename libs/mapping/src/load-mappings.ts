import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { compileMessage } from './compile/compile-message.js';
import { MapCompiler } from './compile/map-compiler.js';
import type { MapSource, MessageMapSource, ResourceMapSource } from './language/mapping-file.js';
import { Problems } from './language/problems.js';
import { readMappingFile } from './language/read-mapping-file.js';
import type { MappingProblem } from './mapping-problem.js';
import type { CompiledMessageMap, MappingSet } from './mapping-set.js';
import { MessageMap } from './message-map.js';
import { DropTable } from './run/drop-table.js';
import type { CodeTable } from './tables/code-table.js';
import { readTable } from './tables/read-table.js';
import { SystemNames } from './types/code-systems.js';
import { builtInTables, Vocabulary } from './types/vocabulary.js';

const filesMax = 10_000;
const fileSizeMax = 16 * 1024 * 1024;

/**
 * Reads and compiles every mapping under `dir` (`mappings/`: hl7v2/*.yaml, tables/*.csv). Never throws for a mistake
 * in a file: the set holds what is good and the list of errors. Throws when `dir` cannot be read. `edit` changes each
 * map before it is compiled.
 */
export function loadMappings(dir: string, edit: (map: MapSource) => MapSource = (map) => map): MappingSet {
  if (mappingFiles(dir, 'hl7v2', '.yaml').length === 0) return new LoadedSet([], '', () => [noMappings(dir)]);
  const loader = new Loader(dir, edit);
  loader.readTables();
  loader.readMaps();
  return loader.set();
}

/** Alone, without the tables that miss as well: there is one thing to do. */
function noMappings(dir: string): MappingProblem {
  return {
    file: 'hl7v2',
    line: 1,
    column: 1,
    code: 'MAPPING_NONE',
    message: `there is no mapping file in ${join(dir, 'hl7v2')}: every message would become a dead letter`,
    remedy: 'start where the folder mappings lies, or put the mappings there; then replay the dead letters',
  };
}

class Loader {
  readonly #problems = new Map<string, Problems>();
  readonly #texts = new Map<string, string>();
  readonly #tables = new Map<string, CodeTable>();
  readonly #maps = new Map<string, MapSource>();

  constructor(
    readonly dir: string,
    readonly edit: (map: MapSource) => MapSource,
  ) {}

  readTables(): void {
    for (const file of mappingFiles(this.dir, 'tables', '.csv')) {
      const name = file.slice(file.lastIndexOf('/') + 1, -'.csv'.length);
      const table = readTable(name, this.#text(file), this.#problemsOf(file));
      if (table) this.#tables.set(name, table);
    }
    for (const name of builtInTables) {
      if (this.#tables.has(name)) continue;
      const file = `tables/${name}.csv`;
      const problems = this.#problemsOf(file);
      if (problems.list.length === 0)
        problems.add(
          { line: 1, column: 1 },
          'TABLE_MISSING',
          `the conversions of data types need the table ${name}`,
          `restore ${file}`,
        );
    }
  }

  readMaps(): void {
    for (const file of mappingFiles(this.dir, 'hl7v2', '.yaml')) {
      if (/\.(test|golden)\.yaml$/.test(file)) continue;
      const problems = this.#problemsOf(file);
      for (const map of readMappingFile(file, this.#text(file), problems)) {
        const other = this.#maps.get(map.name);
        if (!other) this.#maps.set(map.name, this.edit(map));
        else
          problems.add(
            map.place,
            'MAPPING_DUPLICATE_NAME',
            `a map ${map.name} stands in ${other.file} too`,
            'give one of them another name',
          );
      }
    }
  }

  set(): MappingSet {
    const systems = new Map(
      [...(this.#tables.get('code-systems')?.rows ?? [])].map(([name, row]) => [name, row.to]),
    );
    const vocabulary = new Vocabulary(new SystemNames(systems), this.#tables);
    const sources = [...this.#maps.values()].filter((map) => map.kind === 'message');
    this.#checkClaims(sources);
    const maps = sources.map(
      (source) => new UncompiledMap(source, () => this.#compileMessageMap(source, vocabulary)),
    );
    const problems = () => unique([...this.#problems.values()].flatMap(({ list }) => list));
    return new LoadedSet(maps, this.#digest([...this.#texts.keys()]), problems);
  }

  #compileMessageMap(source: MessageMapSource, vocabulary: Vocabulary): MessageMap | undefined {
    const compiler = new MapCompiler(vocabulary, this.#tables, this.#resourceMaps(), (file) =>
      this.#problemsOf(file),
    );
    const before = this.#problemsOf(source.file).list.length;
    const program = compileMessage(source, compiler);
    if (!program || this.#problemsOf(source.file).list.length > before) return undefined;
    const drops = new DropTable();
    drops.add(source.name, source.drop);
    for (const map of compiler.used) drops.add(map.name, map.drop);
    const files = [...compiler.parts, ...builtInTables.map((name) => `tables/${name}.csv`)];
    return new MessageMap({ source, program, rules: compiler.rules, drops, digest: this.#digest(files) });
  }

  /** Two maps for one message: neither file can be preferred. */
  #checkClaims(maps: readonly MessageMapSource[]): void {
    const claimed = new Map<string, string>();
    for (const map of maps) {
      for (const { text, place } of map.for) {
        const other = claimed.get(text);
        if (other === undefined) claimed.set(text, map.name);
        else
          this.#problemsOf(map.file).add(
            place,
            'MAPPING_DUPLICATE_CLAIM',
            `${other} is for ${text} too; it is used`,
            'let one of them go',
          );
      }
    }
  }

  #resourceMaps(): ReadonlyMap<string, ResourceMapSource> {
    const maps = new Map<string, ResourceMapSource>();
    for (const map of this.#maps.values()) if (map.kind === 'resource') maps.set(map.name, map);
    return maps;
  }

  #digest(files: readonly string[]): string {
    const hash = createHash('sha256');
    for (const file of [...new Set(files)].sort()) {
      const text = this.#texts.get(file) ?? '';
      hash.update(`${file.length}:${file}${text.length}:${text}`);
    }
    return hash.digest('hex');
  }

  #problemsOf(file: string): Problems {
    let problems = this.#problems.get(file);
    if (!problems) {
      problems = new Problems(file);
      this.#problems.set(file, problems);
    }
    return problems;
  }

  #text(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) {
      text = readFileSync(join(this.dir, file), 'utf8');
      this.#texts.set(file, text);
    }
    return text;
  }
}

/** Files below `folder` of `dir` with that ending, relative to `dir`, in a stable order, with forward slashes. */
export function mappingFiles(dir: string, folder: string, ending: string): string[] {
  const root = join(dir, folder);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => statSync(join(dir, file)).size <= fileSizeMax)
    .sort()
    .slice(0, filesMax);
}

/** A map that is used in several places has its mistakes once. */
function unique(problems: readonly MappingProblem[]): MappingProblem[] {
  const seen = new Map(
    problems.map((one) => [`${one.file}:${one.line}:${one.column} ${one.code} ${one.message}`, one]),
  );
  return [...seen.values()];
}

/** A message map that is compiled when it is first wanted. */
class UncompiledMap {
  #compiled: { readonly map: MessageMap | undefined } | undefined;

  constructor(
    readonly source: MessageMapSource,
    readonly compile: () => MessageMap | undefined,
  ) {}

  /** Undefined when it has a mistake. */
  get map(): MessageMap | undefined {
    this.#compiled ??= { map: this.compile() };
    return this.#compiled.map;
  }
}

class LoadedSet implements MappingSet {
  readonly #byMessage = new Map<string, UncompiledMap>();
  readonly #byName = new Map<string, UncompiledMap>();

  /** `problems` are those found so far. */
  constructor(
    readonly all: readonly UncompiledMap[],
    readonly digest: string,
    readonly problems: () => readonly MappingProblem[],
  ) {
    for (const one of all) {
      this.#byName.set(one.source.name, one);
      this.#byName.set(one.source.file.replace(/\.yaml$/, ''), one);
      for (const { text } of one.source.for) if (!this.#byMessage.has(text)) this.#byMessage.set(text, one);
    }
  }

  get maps(): readonly MessageMap[] {
    return this.all.flatMap((one) => one.map ?? []);
  }

  get errors(): readonly MappingProblem[] {
    for (const one of this.all) void one.map;
    return this.problems();
  }

  forMessage(code: string, trigger: string, structure?: string): CompiledMessageMap | undefined {
    return (
      this.#byMessage.get(`${code}^${trigger}`)?.map ??
      (structure === undefined ? undefined : this.#byMessage.get(structure)?.map) ??
      this.#byMessage.get(code)?.map
    );
  }

  named(name: string): CompiledMessageMap | undefined {
    return this.#byName.get(name)?.map;
  }
}

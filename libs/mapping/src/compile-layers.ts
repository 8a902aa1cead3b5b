import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { compileMessage } from './compile/compile-message.js';
import { MapCompiler } from './compile/map-compiler.js';
import { LayeredMaps } from './language/layers.js';
import type { MessageMapSource, ResourceMapSource } from './language/mapping-file.js';
import { Problems } from './language/problems.js';
import type { MappingFiles, ReadFile } from './mapping-files.js';
import { baseLayer, folderOf, sutureLayer } from './mapping-files.js';
import type { MappingProblem } from './mapping-problem.js';
import type { CompiledMessageMap, MappingSet } from './mapping-set.js';
import { MessageMap } from './message-map.js';
import { DropTable } from './run/drop-table.js';
import type { CodeTable } from './tables/code-table.js';
import { SystemNames } from './types/code-systems.js';
import { builtInTables, Vocabulary } from './types/vocabulary.js';

/** One choice of layers, compiled: the maps, and what the layers say of each rule. */
export interface CompiledLayers {
  readonly set: MappingSet;
  readonly source: LayeredMaps;
}

/**
 * Compiles `hl7v2/*.yaml` and `tables/*.csv` with the layers over them, the highest last. Never throws for a mistake in a
 * file: the set holds what is good and the list of errors.
 */
export function compileLayers(files: MappingFiles, layers: readonly string[]): CompiledLayers {
  const loader = new Loader(files, layers);
  if (files.maps(sutureLayer).length > 0) return loader.compile();
  return { set: new LoadedSet([], [noMappings(files.dir)]), source: loader.source };
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
  readonly #tables = new Map<string, CodeTable>();
  readonly source: LayeredMaps;

  constructor(
    readonly files: MappingFiles,
    chosen: readonly string[],
  ) {
    const layers = [baseLayer, sutureLayer, ...chosen];
    for (const layer of chosen) if (!files.layers.includes(layer)) this.#unknownLayer(layer);
    this.#readTables(layers);
    this.source = new LayeredMaps(
      layers.map((name) => {
        const read = files.maps(name);
        for (const file of read) this.#keepProblems(file);
        return { name, files: read.map(({ content }) => content), patches: chosen.includes(name) };
      }),
      (file) => this.#problemsOf(file),
    );
  }

  #unknownLayer(layer: string): void {
    const known = this.files.layers.join(', ') || 'none';
    this.#problemsOf(folderOf(layer)).add(
      { line: 1, column: 1 },
      'MAPPING_LAYER_UNKNOWN',
      `there is no layer ${layer}`,
      `there are: ${known}`,
    );
  }

  #keepProblems({ file, problems }: ReadFile<unknown>): void {
    this.#problemsOf(file).list.push(...problems.list);
  }

  /** A table of a higher layer stands for the one of its name in a lower layer. */
  #readTables(layers: readonly string[]): void {
    for (const layer of layers) {
      for (const table of this.files.tables(layer)) {
        this.#keepProblems(table);
        if (table.content) this.#tables.set(table.content.name, table.content);
      }
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

  compile(): CompiledLayers {
    const systems = new Map(
      [...(this.#tables.get('code-systems')?.rows ?? [])].map(([name, row]) => [name, row.to]),
    );
    const vocabulary = new Vocabulary(new SystemNames(systems), this.#tables);
    const compiled: MessageMap[] = [];
    for (const map of this.source.maps.values()) {
      if (map.kind !== 'message') continue;
      const one = this.#compileMessageMap(map, vocabulary);
      if (one) compiled.push(one);
    }
    this.#checkClaims(compiled);
    const errors = unique([...this.#problems.values()].flatMap((problems) => problems.list));
    return { set: new LoadedSet(compiled, errors), source: this.source };
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
    const digest = this.#digest(compiler.parts, [source.name, ...[...compiler.used].map(({ name }) => name)]);
    return new MessageMap({ source, program, rules: compiler.rules, drops, digest });
  }

  /** Two maps for one message: neither file can be preferred. */
  #checkClaims(maps: readonly MessageMap[]): void {
    const claimed = new Map<string, string>();
    for (const map of maps) {
      for (const { text, place } of map.facts.source.for) {
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
    for (const map of this.source.maps.values()) if (map.kind === 'resource') maps.set(map.name, map);
    return maps;
  }

  /** Over the files of maps and tables that took part, and the patches of those maps in the order of their layers. */
  #digest(parts: Iterable<string>, maps: readonly string[]): string {
    const hash = createHash('sha256');
    const tables = builtInTables.flatMap((name) => this.#tables.get(name)?.file ?? []);
    const add = (file: string) => {
      const text = this.files.text(file);
      hash.update(`${file.length}:${file}${text.length}:${text}`);
    };
    for (const file of [...new Set([...parts, ...tables])].sort()) add(file);
    for (const map of [...new Set(maps)].sort()) {
      const patches = this.source.patchFiles(map);
      if (patches.length > 0) hash.update(`${map.length}:${map}`);
      for (const file of patches) add(file);
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
}

/** A map that is used in several places has its mistakes once. */
function unique(problems: readonly MappingProblem[]): MappingProblem[] {
  const seen = new Map(
    problems.map((one) => [`${one.file}:${one.line}:${one.column} ${one.code} ${one.message}`, one]),
  );
  return [...seen.values()];
}

class LoadedSet implements MappingSet {
  readonly #byMessage = new Map<string, CompiledMessageMap>();
  readonly #byName = new Map<string, CompiledMessageMap>();

  constructor(
    readonly maps: readonly MessageMap[],
    readonly errors: readonly MappingProblem[],
  ) {
    for (const map of maps) {
      this.#byName.set(map.name, map);
      this.#byName.set(map.file.replace(/\.yaml$/, ''), map);
      for (const claim of map.claims) if (!this.#byMessage.has(claim)) this.#byMessage.set(claim, map);
    }
  }

  forMessage(code: string, trigger: string, structure?: string): CompiledMessageMap | undefined {
    return (
      this.#byMessage.get(`${code}^${trigger}`) ??
      (structure === undefined ? undefined : this.#byMessage.get(structure)) ??
      this.#byMessage.get(code)
    );
  }

  named(name: string): CompiledMessageMap | undefined {
    return this.#byName.get(name);
  }
}

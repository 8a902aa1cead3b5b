import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { compileDocument } from './compile/compile-document.js';
import { compileMessage } from './compile/compile-message.js';
import { MapCompiler } from './compile/map-compiler.js';
import { DocumentMap } from './document-map.js';
import { ColumnPaths } from './language/column-paths.js';
import { isPart, partsOf, withParts } from './language/document-parts.js';
import { LayeredMaps } from './language/layers.js';
import {
  innerSteps,
  type MapSource,
  type MapStep,
  type MessageMapSource,
  type ResourceMapSource,
} from './language/mapping-file.js';
import { Problems } from './language/problems.js';
import { LoadedSet, UncompiledMap } from './loaded-set.js';
import type { MappingFiles, ReadFile } from './mapping-files.js';
import { baseLayer, foldersOf, sutureLayer } from './mapping-files.js';
import { type MappingProblem, uniqueProblems } from './mapping-problem.js';
import type { MappingSet } from './mapping-set.js';
import { MessageMap } from './message-map.js';
import { DropTable } from './run/drop-table.js';
import type { CodeTable } from './tables/code-table.js';
import { SystemNames } from './types/code-systems.js';
import { builtInTables, Vocabulary } from './types/vocabulary.js';

/** One choice of layers: the maps, compiled when they are wanted, and what the layers say of each rule. */
export interface CompiledLayers {
  readonly set: MappingSet;
  readonly source: LayeredMaps;
  /** Those of higher layers stand for those of their name in lower ones. */
  readonly tables: readonly CodeTable[];
  /** Problems that are known by now: of files, and of the maps that were wanted. */
  readonly problems: () => readonly MappingProblem[];
  /** What the message maps that are compiled so far needed: files of maps and tables, names of resource maps. */
  readonly usedFiles: ReadonlySet<string>;
  readonly usedMaps: ReadonlySet<string>;
}

/**
 * Puts `hl7v2/*.yaml` and `tables/*.csv` together with the layers over them, the highest last. Never throws for a mistake in
 * a file: the set holds what is good and the list of errors. `edit` changes each map before it is compiled.
 */
export function compileLayers(
  files: MappingFiles,
  layers: readonly string[],
  edit: (map: MapSource) => MapSource,
): CompiledLayers {
  const loader = new Loader(files, layers, edit);
  const { source, tables, usedFiles, usedMaps } = loader;
  const isEmpty = files.maps(sutureLayer).length === 0;
  const problems = isEmpty ? () => [noMappings(files.dir)] : () => loader.problems;
  const set = isEmpty ? new LoadedSet([], '', problems) : loader.set();
  return { set, source, tables, problems, usedFiles, usedMaps };
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
  /** Every file of these layers. */
  readonly #read = new Set<string>();
  readonly usedFiles = new Set<string>();
  readonly usedMaps = new Set<string>();
  readonly source: LayeredMaps;

  constructor(
    readonly files: MappingFiles,
    chosen: readonly string[],
    readonly edit: (map: MapSource) => MapSource,
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

  get tables(): readonly CodeTable[] {
    return [...this.#tables.values()];
  }

  #unknownLayer(layer: string): void {
    const known = this.files.layers.join(', ') || 'none';
    this.#problemsOf(foldersOf(layer)[0] ?? layer).add(
      { line: 1, column: 1 },
      'MAPPING_LAYER_UNKNOWN',
      `there is no layer ${layer}`,
      `there are: ${known}`,
    );
  }

  #keepProblems({ file, problems }: ReadFile<unknown>): void {
    this.#read.add(file);
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

  set(): MappingSet {
    const systems = new Map(
      [...(this.#tables.get('code-systems')?.rows ?? [])].map(([name, row]) => [name, row.to]),
    );
    const vocabulary = new Vocabulary(new SystemNames(systems), this.#tables);
    const maps = [...this.source.maps.values()].map(this.edit);
    const resources = new Map(maps.flatMap((map) => (map.kind === 'resource' ? [[map.name, map]] : [])));
    const messages = maps.filter((map) => map.kind === 'message');
    this.#checkClaims(messages);
    const parts = messages.filter(isPart);
    const uncompiled = messages.flatMap((source) =>
      isPart(source)
        ? []
        : [
            new UncompiledMap(withParts(source, parts), (whole) =>
              this.#compileMap(whole, vocabulary, resources),
            ),
          ],
    );
    const digest = this.#digest(this.#read, this.source.maps.keys());
    return new LoadedSet(uncompiled, digest, () => this.problems);
  }

  /** Those found so far. */
  get problems(): readonly MappingProblem[] {
    return uniqueProblems([...this.#problems.values()].flatMap(({ list }) => list));
  }

  #compileMap(
    source: MessageMapSource,
    vocabulary: Vocabulary,
    maps: ReadonlyMap<string, ResourceMapSource>,
  ): MessageMap | DocumentMap | undefined {
    // Told where it stands, once, and not at every place that needs it.
    if (createdMaps(source.steps).some((map) => this.source.isWrong(map))) return undefined;
    const problemsOf = (file: string) => this.#problemsOf(file);
    const files = [source.file, ...partsOf(source).map(({ file }) => file)];
    const problemCount = () => files.reduce((sum, file) => sum + problemsOf(file).list.length, 0);
    const before = problemCount();
    const { map, parts, isWrong } = withColumns(source, maps, problemsOf);
    const compiler = new MapCompiler(vocabulary, this.#tables, parts, problemsOf);
    const isCda = source.format === 'cda';
    const program = isCda ? compileDocument(map, compiler) : compileMessage(map, compiler);
    for (const part of compiler.parts) this.usedFiles.add(part);
    for (const { name } of compiler.used) this.usedMaps.add(name);
    if (!program || isWrong || problemCount() > before) return undefined;
    const names = [source, ...partsOf(source), ...compiler.used].map(({ name }) => name);
    const digest = this.#digest(compiler.parts, names);
    if (!('structure' in program)) return new DocumentMap({ source, program, rules: compiler.rules, digest });
    const drops = new DropTable();
    drops.add(map.name, map.drop);
    for (const part of compiler.used) drops.add(part.name, part.drop);
    return new MessageMap({ source, program, rules: compiler.rules, drops, digest });
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

  /** Over the files of maps and tables that took part, and the patches of those maps in the order of their layers. */
  #digest(parts: Iterable<string>, maps: Iterable<string>): string {
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

interface ColumnedMaps {
  readonly map: MessageMapSource;
  readonly parts: ReadonlyMap<string, ResourceMapSource>;
  readonly isWrong: boolean;
}

/** A map of rows, and the maps that it runs, with fields for the columns they name; other maps as they are. */
function withColumns(
  map: MessageMapSource,
  maps: ReadonlyMap<string, ResourceMapSource>,
  problemsOf: (file: string) => Problems,
): ColumnedMaps {
  if (!map.rows) return { map, parts: maps, isWrong: false };
  const columns = new ColumnPaths(map.rows, problemsOf);
  const parts = new Map(maps);
  for (const name of createdMaps(map.steps)) {
    const part = maps.get(name);
    if (part) parts.set(name, columns.resource(part));
  }
  const columned = columns.message(map);
  return { map: columned, parts, isWrong: columns.isWrong };
}

/** The maps that steps and those in them run. */
function createdMaps(steps: readonly MapStep[]): string[] {
  return steps.flatMap((step) =>
    step.kind === 'create' ? [step.map] : innerSteps(step).flatMap((inner) => createdMaps(inner.steps)),
  );
}

import { type CompiledLayers, compileLayers } from './compile-layers.js';
import { isKnownField } from './dictionary/v2-dictionary.js';
import type { MapSource } from './language/mapping-file.js';
import type { RuleVersion } from './language/rule-history.js';
import { MappingFiles } from './mapping-files.js';
import type { MappingProblem } from './mapping-problem.js';
import type { MappingSet } from './mapping-set.js';
import type { CodeTable } from './tables/code-table.js';
import { unusedParts } from './unused-parts.js';

export interface LoadOptions {
  /** Folders under `layers`, the highest last; default none. */
  readonly layers?: readonly string[];
  /** Changes each map before it is compiled. */
  readonly edit?: ((map: MapSource) => MapSource) | undefined;
}

/**
 * Reads every mapping under `dir` (`mappings/`: hl7v2/*.yaml, tables/*.csv), with layers over them. Never throws for a
 * mistake in a file: the set holds what is good and the list of errors. Throws when `dir` cannot be read.
 */
export function loadMappings(dir: string, { layers = [], edit }: LoadOptions = {}): MappingSet {
  return new MappingLibrary(dir, edit).set(layers);
}

/** A rule of a map, with what the layers say of it. */
export interface ExplainedRule {
  /** `birthDate`, `telecom[work]`, `drop PID-31`, `PATIENT_RESULT/v2.PID.Patient`. */
  readonly name: string;
  /** From the highest layer to the lowest: the first is the one that counts. */
  readonly versions: readonly (RuleVersion & {
    /** The line it starts in, as it is written. */
    readonly text: string;
  })[];
}

/** A directory of mappings, each file read once, for channels that choose different layers. */
export class MappingLibrary {
  readonly #files: MappingFiles;
  readonly #compiled = new Map<string, CompiledLayers>();

  constructor(
    readonly dir: string,
    readonly edit: (map: MapSource) => MapSource = (map) => map,
  ) {
    this.#files = new MappingFiles(dir);
  }

  /** The layers there are above `suture`, in alphabetical order. */
  get layers(): readonly string[] {
    return this.#files.layers;
  }

  /** What the command line and tests take where nobody names layers: what we ship is in use in the United States. */
  get usualLayers(): readonly string[] {
    return this.layers.filter((layer) => layer === 'us');
  }

  /** The maps with these layers, the highest last. */
  set(layers: readonly string[] = []): MappingSet {
    return this.#layered(layers).set;
  }

  /** What is wrong with these layers as far as it is known: in files, and in the message maps that were wanted. */
  problems(layers: readonly string[]): readonly MappingProblem[] {
    return this.#layered(layers).problems();
  }

  /**
   * Maps and tables that are of use under none of these choices of layers. Empty while there are other problems: what has
   * a mistake needs nothing.
   */
  unused(choices: readonly (readonly string[])[]): readonly MappingProblem[] {
    const compiled = choices.map((layers) => this.#layered(layers));
    if (compiled.some(({ set }) => set.errors.length > 0)) return [];
    return unusedParts(
      compiled.map(({ source, tables, usedFiles, usedMaps }) => ({
        maps: [...source.maps.values()],
        tables,
        usedFiles,
        usedMaps,
      })),
    );
  }

  /** The code tables with these layers. */
  tables(layers: readonly string[] = []): readonly CodeTable[] {
    return this.#layered(layers).tables;
  }

  /** Names of all maps, of messages and of resources. */
  mapNames(layers: readonly string[] = []): readonly string[] {
    return this.#layered(layers).source.history.maps;
  }

  /** The rules of a map; with `rule`, those of that name or below it. Undefined when there is no such map. */
  rules(map: string, layers: readonly string[] = [], rule?: string): ExplainedRule[] | undefined {
    const rules = this.#layered(layers).source.history.of(map);
    return (
      rules &&
      [...rules]
        .filter(([name]) => rule === undefined || isUnder(name, rule))
        .map(([name, versions]) => ({
          name,
          versions: versions
            .map((version) => ({ ...version, text: this.#line(version.file, version.line) }))
            .reverse(),
        }))
    );
  }

  /** Whether some version of HL7 v2 has the field, or it is of a segment of one's own: `PID-3`. */
  knowsField(place: string): boolean {
    return isKnownField(place);
  }

  /** The document of a map of our own layer as it is written; undefined when there is none. */
  document(map: string): string | undefined {
    const source = this.#layered([]).source.maps.get(map);
    const documents = source && this.#files.text(source.file).split(/^---$/m);
    return documents?.find((text) => new RegExp(`^map: ${map.replaceAll('.', '\\.')}$`, 'm').test(text));
  }

  #line(file: string, line: number): string {
    return (this.#files.text(file).split('\n')[line - 1] ?? '').trim();
  }

  #layered(layers: readonly string[]): CompiledLayers {
    const key = layers.join('\n');
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = compileLayers(this.#files, layers, this.edit);
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}

/** `telecom` means `telecom[work]` and `telecom.value` too. */
function isUnder(name: string, rule: string): boolean {
  return name === rule || (name.startsWith(rule) && /^[.([/]/.test(name.slice(rule.length)));
}

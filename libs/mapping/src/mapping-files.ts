import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { Problems } from './language/problems.js';
import { type MappingFile, readMappingFile } from './language/read-mapping-file.js';
import type { CodeTable } from './tables/code-table.js';
import { readTable } from './tables/read-table.js';

const filesMax = 10_000;
const fileSizeMax = 16 * 1024 * 1024;

/** The layer of what stands in `mappings` beside the layers. */
export const sutureLayer = 'suture';
/** Below it, when there is such a folder. */
export const baseLayer = 'base';

export interface ReadFile<T> {
  readonly file: string;
  readonly content: T;
  readonly problems: Problems;
}

/** The files of a directory of mappings, each read once. */
export class MappingFiles {
  readonly #texts = new Map<string, string>();
  readonly #maps = new Map<string, ReadFile<MappingFile>>();
  readonly #tables = new Map<string, ReadFile<CodeTable | undefined>>();

  constructor(readonly dir: string) {}

  /** Folders under `layers`, in alphabetical order. */
  get layers(): string[] {
    return layersOf(this.dir);
  }

  text(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) {
      text = readFileSync(join(this.dir, file), 'utf8');
      this.#texts.set(file, text);
    }
    return text;
  }

  /** The mapping files of a layer. */
  maps(layer: string): ReadFile<MappingFile>[] {
    return filesOfLayer(this.dir, layer, '.yaml')
      .filter((file) => !/\.(test|golden)\.yaml$/.test(file))
      .map((file) => known(this.#maps, file, (problems) => readMappingFile(file, this.text(file), problems)));
  }

  /** The code tables of a layer. */
  tables(layer: string): ReadFile<CodeTable | undefined>[] {
    const folders = layer === sutureLayer ? ['tables'] : foldersOf(layer);
    const files = folders.flatMap((folder) => mappingFiles(this.dir, folder, '.csv'));
    return files.map((file) =>
      known(this.#tables, file, (problems) => readTable(tableName(file), this.text(file), problems)),
    );
  }
}

function known<T>(
  files: Map<string, ReadFile<T>>,
  file: string,
  read: (problems: Problems) => T,
): ReadFile<T> {
  let one = files.get(file);
  if (!one) {
    const problems = new Problems(file);
    one = { file, content: read(problems), problems };
    files.set(file, one);
  }
  return one;
}

function tableName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.csv'.length);
}

/** The layer that ships has a folder for each format. */
const sutureFolders = ['ccda', 'csv', 'hl7v2'];

/** Files of maps of a layer with that ending, as `mappingFiles` gives them. */
export function filesOfLayer(dir: string, layer: string, ending: string): string[] {
  return foldersOf(layer).flatMap((folder) => mappingFiles(dir, folder, ending));
}

/** Where the files of a layer stand. */
export function foldersOf(layer: string): readonly string[] {
  return layer === sutureLayer ? sutureFolders : [`layers/${layer}`];
}

/** The layers that a directory of mappings has above `suture`, in alphabetical order. */
function layersOf(dir: string): string[] {
  const root = join(dir, 'layers');
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== baseLayer)
    .map((entry) => entry.name)
    .sort();
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

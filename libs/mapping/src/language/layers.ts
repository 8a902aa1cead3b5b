import { nearestName } from '#kernel';
import type { MapSource, MessageMapSource, PatchSource, ResourceMapSource } from './mapping-file.js';
import { namedRules, ruleName, withDrops, withoutRule, withRule } from './patch-rules.js';
import { namedSteps, withoutStep, withSteps } from './patch-steps.js';
import type { Place } from './place.js';
import { type Problems, suggestion } from './problems.js';
import type { MappingFile } from './read-mapping-file.js';
import { RuleHistory } from './rule-history.js';

/** The files of one layer. */
export interface LayerSource {
  readonly name: string;
  readonly files: readonly MappingFile[];
  /** It changes maps of others: when a file of it cannot be read, nobody knows which maps are as they should be. */
  readonly patches: boolean;
}

/** Maps as the layers make them, each higher one over the lower ones. */
export class LayeredMaps {
  readonly maps = new Map<string, MapSource>();
  readonly history = new RuleHistory();
  readonly #patchFiles = new Map<string, string[]>();
  /** Maps with a mistake in some layer: without it they would be another map than the one that was meant. */
  readonly #wrong = new Set<string>();

  constructor(
    layers: readonly LayerSource[],
    readonly problemsOf: (file: string) => Problems,
  ) {
    for (const layer of layers) {
      const own = new Map<string, MapSource>();
      for (const file of layer.files) for (const map of file.maps) this.#add(map, own, layer.name);
      for (const name of layer.files.flatMap(({ wrong }) => wrong)) this.#wrong.add(name);
      const done = new Set<string>();
      for (const file of layer.files) for (const patch of file.patches) this.#patch(patch, layer.name, done);
    }
    for (const name of this.#wrong) this.maps.delete(name);
    const isLost = layers.some(({ patches, files }) => patches && files.some(({ readable }) => !readable));
    if (isLost) this.maps.clear();
  }

  /** Whether a map has a mistake that is told already: what needs it is not there either, and need not be told. */
  isWrong(map: string): boolean {
    return this.#wrong.has(map);
  }

  /** The files that patch this map, in their order. */
  patchFiles(map: string): readonly string[] {
    return this.#patchFiles.get(map) ?? [];
  }

  #add(map: MapSource, own: Map<string, MapSource>, layer: string): void {
    const same = own.get(map.name);
    const lower = this.maps.get(map.name);
    const problem = (code: string, message: string, remedy: string) => {
      this.problemsOf(map.file).add(map.place, code, message, remedy);
    };
    if (same) {
      const text = `a map ${map.name} stands in ${same.file} too`;
      return problem('MAPPING_DUPLICATE_NAME', text, 'give one of them another name');
    }
    if (lower && !map.replaces) {
      const text = `a map ${map.name} stands in ${lower.file}, of a lower layer`;
      problem('MAPPING_DUPLICATE_NAME', text, 'write patch: instead of map:, or add replace: true');
      this.#wrong.add(map.name);
      return;
    }
    if (!lower && map.replaces && !this.#wrong.has(map.name)) {
      const remedy = this.#suggest(map.name);
      return problem('MAPPING_PATCH_MAP', `there is no map ${map.name} below that it could replace`, remedy);
    }
    own.set(map.name, map);
    this.maps.set(map.name, map);
    this.#patchFiles.delete(map.name);
    this.history.map(map, layer);
  }

  #suggest(name: string): string {
    return suggestion(nearestName(name, [...this.maps.keys()]), [], 'name a map of a lower layer');
  }

  #patch(patch: PatchSource, layer: string, done: Set<string>): void {
    const problems = this.problemsOf(patch.file);
    const map = this.maps.get(patch.name);
    if (!map) {
      if (!this.#wrong.has(patch.name))
        problems.add(
          patch.place,
          'MAPPING_PATCH_MAP',
          `there is no map ${patch.name} to patch`,
          this.#suggest(patch.name),
        );
      return;
    }
    const before = problems.list.length;
    checkOnce(patch, done, problems);
    const patched =
      map.kind === 'resource' ? patchResource(map, patch, problems) : patchMessage(map, patch, problems);
    if (problems.list.length > before) {
      this.#wrong.add(patch.name);
      return;
    }
    this.maps.set(patch.name, patched);
    this.#patchFiles.set(patch.name, [...this.patchFiles(patch.name), patch.file]);
    this.history.patch(patch, layer);
  }
}

/** Two files of one layer may not change one rule: neither can be preferred. */
function checkOnce(patch: PatchSource, done: Set<string>, problems: Problems): void {
  const once = (rule: string, place: Place) => {
    const name = `${patch.name} ${rule}`;
    if (done.has(name))
      problems.add(place, 'MAPPING_DUPLICATE_RULE', `${rule} is patched twice in this layer`, 'keep one');
    done.add(name);
  };
  for (const change of patch.set) once(ruleName(change), change.rule.place);
  for (const { text, place } of patch.remove) once(text, place);
}

function unknownRule(text: string, place: Place, known: readonly string[], problems: Problems): void {
  problems.add(
    place,
    'MAPPING_PATCH_RULE',
    `there is no rule ${text} to remove`,
    suggestion(nearestName(text, known), [], 'suture explain MAP lists the rules and their names'),
  );
}

function patchResource(map: ResourceMapSource, patch: PatchSource, problems: Problems): ResourceMapSource {
  let { set, drop } = map;
  for (const { text, place } of patch.remove) {
    const rest = withoutRule(set, text);
    const dropped = drop.find((one) => `drop ${one.text}` === text);
    if (rest) set = rest;
    else if (dropped) drop = drop.filter((one) => one !== dropped);
    else {
      const rules = set.flatMap(namedRules).map(({ name }) => name);
      unknownRule(text, place, [...rules, ...drop.map((one) => `drop ${one.text}`)], problems);
    }
  }
  for (const change of patch.set) set = withRule(set, change);
  if (patch.steps.length > 0)
    problems.add(patch.place, 'MAPPING_SHAPE', `${map.name} makes one resource and has no steps`, 'use set:');
  const key = patch.key.length > 0 ? patch.key : map.key;
  const uses = [...map.uses, ...patch.uses];
  return { ...map, set, key, uses, when: patch.when ?? map.when, drop: withDrops(drop, patch) };
}

function patchMessage(map: MessageMapSource, patch: PatchSource, problems: Problems): MessageMapSource {
  let { steps, drop } = map;
  for (const { text, place } of patch.remove) {
    const rest = withoutStep(steps, text);
    const dropped = drop.find((one) => `drop ${one.text}` === text);
    if (rest) steps = rest;
    else if (dropped) drop = drop.filter((one) => one !== dropped);
    else {
      const known = [...namedSteps(steps).map(({ name }) => name), ...drop.map((one) => `drop ${one.text}`)];
      unknownRule(text, place, known, problems);
    }
  }
  if (patch.set.length > 0 || patch.key.length > 0 || patch.uses.length > 0 || patch.when)
    problems.add(
      patch.place,
      'MAPPING_SHAPE',
      `${map.name} is for messages: it has steps, and no elements`,
      'use steps:, remove: and drop:',
    );
  return { ...map, steps: withSteps(steps, patch.steps), drop: withDrops(drop, patch) };
}

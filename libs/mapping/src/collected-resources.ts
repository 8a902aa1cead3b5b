import { type FhirObject, readJson, writeJson } from '#fhir';
import type { MappedResource } from './mapping-result.js';
import { mergeUpdate } from './merge-update.js';

/** A mapped resource as JSON: far smaller than what it was written from, and fit to be put aside. */
export interface ResourceText extends Pick<MappedResource, 'key' | 'merge' | 'removals'> {
  readonly text: string;
}

/** Resources of many messages, each once: what comes again under one key is merged as the store would merge it. */
export class CollectedResources {
  /** Of the texts, in characters. */
  size = 0;
  readonly #texts = new Map<string, string>();

  /** In the order in which they first came. */
  get texts(): IterableIterator<string> {
    return this.#texts.values();
  }

  /** With their keys, in the same order. */
  get entries(): IterableIterator<[string, string]> {
    return this.#texts.entries();
  }

  add({ key, merge, removals, text }: ResourceText): void {
    const before = this.#texts.get(key);
    if (before === text && removals.length === 0) return;
    let now = text;
    if (before !== undefined && merge !== 'snapshot') {
      if (merge === 'refer') return;
      const resource = readJson(text) as FhirObject;
      now = flat(writeJson(mergeUpdate(readJson(before) as FhirObject, { merge, removals, resource })));
    }
    this.size += now.length - (before?.length ?? 0);
    this.#texts.set(key, now);
  }
}

/** Puts a resource aside. */
export function resourceText({ key, merge, removals, resource }: MappedResource): ResourceText {
  return { key, merge, removals, text: flat(writeJson(resource)) };
}

/** Text that was put together of many pieces keeps them all, in memory and in the way of the collector, until somebody reads it. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

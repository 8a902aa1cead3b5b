import { type FhirObject, writeJson } from '#fhir';
import type { MappedResource } from '#mapping';

/** Writes resources as the store does (`Renderer`): those that come again are the same objects, and written once. */
export class JsonOnce {
  readonly #texts = new WeakMap<FhirObject, string>();

  /** One JSON text a line. */
  bytes(resources: readonly MappedResource[]): Buffer {
    return Buffer.from(resources.map((one) => this.#text(one)).join('\n'));
  }

  #text({ resource, remembered }: MappedResource): string {
    if (remembered !== true) return writeJson(resource);
    let text = this.#texts.get(resource);
    if (text === undefined) {
      text = writeJson(resource);
      this.#texts.set(resource, text);
    }
    return text;
  }
}

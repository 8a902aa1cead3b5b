import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { bundleOf } from '#fhir';
import { RowsConversion } from '#mapping';
import { type CollectedResources, ResourceSpill, type ResourceText } from './resource-spill.js';

/** Characters of resources that memory holds; of more, a file does. */
const heldMaxDefault = 16 * 1024 * 1024;
/** Characters that are written at one time. */
const writtenMax = 1024 * 1024;

const [bundleOpen = '', bundleClose = ''] = bundleOf('collection', ['{}']).split('{"resource":{}}');

/**
 * One `collection` Bundle of any length, in bounded memory. Resources stand in the order in which they first came; of a bundle
 * too long for memory in another one, which is the same for the same file. The file has its name when it is whole.
 */
export class RowsBundle {
  #held: CollectedResources | undefined = RowsConversion.collected();
  #spill: ResourceSpill | undefined;

  /** `rowsBytes`: of the file of rows that the resources come from. */
  constructor(
    private readonly path: string,
    private readonly rowsBytes: number,
    private readonly heldMax = heldMaxDefault,
  ) {}

  add(resource: ResourceText): void {
    if (this.#spill) {
      this.#spill.add(resource);
      return;
    }
    this.#held?.add(resource);
    if (this.#held && this.#held.size > this.heldMax) this.#putAside(this.#held);
  }

  /** Writes the bundle; false when there is none to write. `progress` is told how many characters are written. */
  write(progress: (written: number) => void): boolean {
    const parts = this.#spill?.collected() ?? (this.#held ? [this.#held] : []);
    const out = new CollectionFile(`${this.path}.part`);
    try {
      for (const { texts } of parts) {
        for (const text of texts) out.add(text);
        progress(out.written);
      }
    } finally {
      out.close();
    }
    if (out.written > 0) renameSync(out.path, this.path);
    return out.written > 0;
  }

  /** What was not written is given up, and what an earlier run made of a file that is now refused. */
  close(isWritten: boolean): void {
    this.#spill?.close();
    rmSync(`${this.path}.part`, { force: true });
    if (!isWritten) rmSync(this.path, { force: true });
  }

  #putAside(held: CollectedResources): void {
    this.#spill = new ResourceSpill(`${this.path}.spill`, this.rowsBytes);
    this.#held = undefined;
    for (const [key, text] of held.entries) this.#spill.add({ key, merge: 'snapshot', removals: [], text });
  }
}

/** A Bundle as it is written, entry by entry. */
class CollectionFile {
  /** Characters of resources. */
  written = 0;
  readonly #file: number;
  #texts: string[] = [];
  #size = 0;
  #before = bundleOpen;

  constructor(readonly path: string) {
    this.#file = openSync(path, 'w');
  }

  add(text: string): void {
    this.#texts.push(text);
    this.#size += text.length;
    if (this.#size >= writtenMax) this.#flush();
  }

  close(): void {
    this.#flush();
    if (this.written > 0) writeFileSync(this.#file, `${bundleClose}\n`);
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#size === 0) return;
    const bundle = bundleOf('collection', this.#texts);
    writeFileSync(this.#file, this.#before + bundle.slice(bundleOpen.length, -bundleClose.length));
    this.written += this.#size;
    this.#before = ',';
    this.#texts = [];
    this.#size = 0;
  }
}

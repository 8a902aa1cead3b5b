import { hash } from 'node:crypto';
import { type FhirObject, writeJson } from '#fhir';
import { type MappedResource, mergeUpdate } from '#mapping';
import { searchHashes } from './search-hashes.js';

/** Bytes of a content digest: enough that equal digests mean equal content, short enough for every row. */
const DIGEST_BYTES = 16;
/** Former contents per resource of a mapping: two feeds that say different things about one patient take turns. */
const MAX_FORMER = 4;

/** What a resource says, written out. */
export interface Rendering {
  readonly content: FhirObject;
  readonly text: string;
  readonly digest: Buffer;
}

interface Hashes {
  readonly patient: bigint | null;
  readonly hashes: readonly bigint[];
}

interface Merge {
  readonly former: Buffer;
  readonly rendering: Rendering;
}

/**
 * Writes resources out, and keeps what was written beside those objects that the mapping says will come again
 * (`remembered`): what did not change is neither merged, nor written, nor hashed again.
 */
export class Renderer {
  private readonly whole = new WeakMap<FhirObject, Rendering>();
  private readonly merged = new WeakMap<FhirObject, Merge[]>();
  private readonly searched = new WeakMap<FhirObject, Hashes>();

  /** The resource as it is. */
  render(resource: MappedResource): Rendering {
    if (resource.remembered !== true) return written(resource.resource);
    let rendering = this.whole.get(resource.resource);
    if (rendering === undefined) {
      rendering = written(resource.resource);
      this.whole.set(resource.resource, rendering);
    }
    return rendering;
  }

  /** What comes of the resource when it meets `former`, whose digest is `digest`. */
  merge(resource: MappedResource, former: FhirObject, digest: Buffer): Rendering {
    if (resource.remembered !== true) return written(mergeUpdate(former, resource));
    let merges = this.merged.get(resource.resource);
    if (merges === undefined) {
      merges = [];
      this.merged.set(resource.resource, merges);
    }
    for (const one of merges) if (one.former.equals(digest)) return one.rendering;
    const rendering = written(mergeUpdate(former, resource));
    if (merges.length === MAX_FORMER) merges.shift();
    merges.push({ former: digest, rendering });
    return rendering;
  }

  /** `searchHashes` of a content that will be asked for again. */
  hashes(content: FhirObject, patient: bigint | null): readonly bigint[] {
    const known = this.searched.get(content);
    if (known?.patient === patient) return known.hashes;
    const hashes = searchHashes(content, patient);
    this.searched.set(content, { patient, hashes });
    return hashes;
  }
}

function written(content: FhirObject): Rendering {
  const text = writeJson(content);
  return { content, text, digest: digestOf(text) };
}

export function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES);
}

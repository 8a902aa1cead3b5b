import { type FhirObject, writeJson } from '#fhir';
import { type MappedResource, mergeUpdate } from '#mapping';
import { indexTerms } from '#search';
import { type PackLine, packLine } from './pack-bytes.js';

/** Former contents per resource of a mapping: two feeds that say different things about one patient take turns. */
const MAX_FORMER = 4;

/** What a resource says, written out. */
export interface Rendering extends PackLine {
  readonly content: FhirObject;
}

interface Terms {
  readonly patient: bigint | null;
  readonly terms: readonly string[];
}

interface Merge {
  readonly former: string;
  readonly rendering: Rendering;
}

/**
 * Writes resources out, and keeps what was written beside those objects that the mapping says will come again
 * (`remembered`): what did not change is neither merged, nor written, nor hashed again.
 */
export class Renderer {
  private readonly whole = new WeakMap<FhirObject, Rendering>();
  private readonly merged = new WeakMap<FhirObject, Merge[]>();
  private readonly searched = new WeakMap<FhirObject, Terms>();

  /** The resource as it is. */
  render(resource: MappedResource): Rendering {
    if (resource.remembered !== true) return written(resource.resource);
    let rendering = this.whole.get(resource.resource);
    if (rendering === undefined) {
      rendering = kept(written(resource.resource));
      this.whole.set(resource.resource, rendering);
    }
    return rendering;
  }

  /** What comes of the resource when it meets `former`, whose digest is `digest`. */
  merge(resource: MappedResource, former: FhirObject, digest: string): Rendering {
    if (resource.remembered !== true) return written(mergeUpdate(former, resource));
    let merges = this.merged.get(resource.resource);
    if (merges === undefined) {
      merges = [];
      this.merged.set(resource.resource, merges);
    }
    for (const one of merges) if (one.former === digest) return one.rendering;
    const rendering = kept(written(mergeUpdate(former, resource)));
    if (merges.length === MAX_FORMER) merges.shift();
    merges.push({ former: digest, rendering });
    return rendering;
  }

  /** `indexTerms` of a content that will be asked for again. */
  terms(content: FhirObject, patient: bigint | null): readonly string[] {
    const known = this.searched.get(content);
    if (known?.patient === patient) return known.terms;
    const terms = indexTerms(content, patient);
    this.searched.set(content, { patient, terms });
    return terms;
  }
}

function written(content: FhirObject): Rendering {
  return { content, ...packLine(writeJson(content)) };
}

/** A line that stays: with bytes of its own, not a part of the memory that short-lived ones share. */
function kept(rendering: Rendering): Rendering {
  const bytes = Buffer.allocUnsafeSlow(rendering.bytes.length);
  bytes.set(rendering.bytes);
  return { ...rendering, bytes };
}

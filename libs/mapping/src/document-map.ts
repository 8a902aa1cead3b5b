import type { CdaDocument } from '#cda';
import { assert } from '#kernel';
import type { DocumentProgram } from './compile/compile-document.js';
import { type Account, CompiledMap, type MapFacts } from './compiled-map.js';
import type { MappingParameters, MappingResult } from './mapping-result.js';
import { makeDocumentReport } from './run/document-account.js';
import { joinTwins } from './run/join-twins.js';
import { leavesOfDocument } from './run/lineage.js';
import type { Mapped } from './run/mapped.js';
import type { Run } from './run/run.js';
import { isDocument, type Source } from './source.js';
import { momentOf } from './types/cda/moment.js';

export interface DocumentMapFacts extends MapFacts {
  readonly program: DocumentProgram;
}

/** A compiled map of documents. */
export class DocumentMap extends CompiledMap<CdaDocument> {
  constructor(readonly facts: DocumentMapFacts) {
    super(facts);
  }

  protected own(source: Source): CdaDocument {
    assert(isDocument(source), 'MAPPING_SOURCE_FORMAT');
    return source;
  }

  protected begin(run: Run, document: CdaDocument, tenant: string, parameters: MappingParameters): void {
    run.beginDocument(document, tenant, parameters, this.facts.program.nameCount);
    run.segmentBits = -1;
  }

  protected map(run: Run, document: CdaDocument, account: Account): MappingResult {
    const { program, rules } = this.facts;
    program.steps(run);
    const report = makeDocumentReport(run, document, account, rules);
    return { resources: compositionFirst(joinTwins(run.resources)), report };
  }

  protected leaves(document: CdaDocument) {
    return leavesOfDocument(document);
  }

  /** `ClinicalDocument/effectiveTime`; undefined when it is less than an instant. */
  protected moment(run: Run, document: CdaDocument, parameters: MappingParameters): string | undefined {
    const time = document.root.child('effectiveTime');
    if (!time) return undefined;
    run.beginDocument(document, '', parameters, 0);
    run.accounting = false;
    return momentOf(run, time, 'instant');
  }
}

/** R4 bdl-11: the first resource of a document is its Composition, which names all the others and so is made last. */
function compositionFirst(resources: readonly Mapped[]): readonly Mapped[] {
  const composition = resources.find(({ type }) => type === 'Composition');
  return composition ? [composition, ...resources.filter((one) => one !== composition)] : resources;
}

import { assert } from '#kernel';
import type { DocumentProgram } from './compile/compile-document.js';
import type { RuleBook } from './compile/scope.js';
import type { BundleKind, MessageMapSource } from './language/mapping-file.js';
import type { ElementLineage, MappingContext, MappingParameters, MappingResult } from './mapping-result.js';
import type { CompiledMessageMap } from './mapping-set.js';
import { makeDocumentReport } from './run/document-account.js';
import { joinTwins } from './run/join-twins.js';
import { leavesOfDocument, MessageLineage } from './run/lineage.js';
import { LineageLog } from './run/lineage-log.js';
import type { Mapped } from './run/mapped.js';
import { Run } from './run/run.js';
import { isDocument, type Source } from './source.js';
import { watchRows } from './tables/code-table.js';
import { momentOf } from './types/cda/moment.js';

export interface DocumentMapFacts {
  readonly source: MessageMapSource;
  readonly program: DocumentProgram;
  readonly rules: RuleBook;
  readonly digest: string;
}

/** Running is synchronous and leaves nothing behind, so one state serves every map of the process. */
const run = new Run();
const noParameters: MappingParameters = {};

/** A compiled map of documents. Immutable; running it twice on equal bytes gives equal results. */
export class DocumentMap implements CompiledMessageMap {
  constructor(readonly facts: DocumentMapFacts) {}

  get name(): string {
    return this.facts.source.name;
  }

  get file(): string {
    return this.facts.source.file;
  }

  get digest(): string {
    return this.facts.digest;
  }

  get bundleType(): BundleKind {
    return this.facts.source.bundle;
  }

  get claims(): readonly string[] {
    return this.facts.source.for.map((claim) => claim.text);
  }

  run(source: Source, context: MappingContext): MappingResult {
    return this.#run(source, context, undefined);
  }

  lineage(source: Source, context: MappingContext): Iterable<ElementLineage> {
    const log = new LineageLog();
    const { resources } = this.#run(source, context, log);
    const leaves = () => leavesOfDocument(documentOf(source));
    return new MessageLineage(log, leaves, resources, this.facts.rules).elements();
  }

  #run(
    source: Source,
    { tenant, parameters = noParameters, account = 'off' }: MappingContext,
    log: LineageLog | undefined,
  ): MappingResult {
    const { program, rules } = this.facts;
    const document = documentOf(source);
    run.beginDocument(document, tenant, parameters, program.nameCount);
    run.segmentBits = -1;
    run.accounting = account !== 'off' || log !== undefined;
    run.lineage = log;
    const watcher = log && watchRows((table, row, code) => log.used(table, row, code));
    try {
      program.steps(run);
      const report = makeDocumentReport(run, document, account, rules);
      return { resources: compositionFirst(joinTwins(run.resources)), report };
    } finally {
      if (log) watchRows(watcher);
      run.finish();
    }
  }

  /** `ClinicalDocument/effectiveTime` as an R4 instant; undefined when it is less than that. */
  timestamp(source: Source, parameters: MappingParameters = noParameters): string | undefined {
    const document = documentOf(source);
    const time = document.root.child('effectiveTime');
    if (!time) return undefined;
    run.beginDocument(document, '', parameters, 0);
    run.accounting = false;
    const instant = momentOf(run, time, 'instant');
    run.finish();
    return instant;
  }
}

function documentOf(source: Source) {
  assert(isDocument(source), 'MAPPING_SOURCE_FORMAT');
  return source;
}

/** R4 bdl-11: the first resource of a document is its Composition, which names all the others and so is made last. */
function compositionFirst(resources: readonly Mapped[]): readonly Mapped[] {
  const composition = resources.find(({ type }) => type === 'Composition');
  return composition ? [composition, ...resources.filter((one) => one !== composition)] : resources;
}

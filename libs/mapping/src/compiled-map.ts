import type { RuleBook } from './compile/scope.js';
import type { BundleKind, MessageMapSource } from './language/mapping-file.js';
import type { ElementLineage, MappingContext, MappingParameters, MappingResult } from './mapping-result.js';
import type { CompiledMessageMap } from './mapping-set.js';
import { MessageLineage, type SourceLeaf } from './run/lineage.js';
import { LineageLog } from './run/lineage-log.js';
import { Run } from './run/run.js';
import type { Source } from './source.js';
import { watchRows } from './tables/code-table.js';

export type Account = NonNullable<MappingContext['account']>;

export interface MapFacts {
  readonly source: MessageMapSource;
  readonly rules: RuleBook;
  readonly digest: string;
}

/** Running is synchronous and leaves nothing behind, so one state serves every map of the process. */
const run = new Run();
/** One object: it stands for its content where maps are remembered. */
const noParameters: MappingParameters = {};

/** A compiled map of one kind of sources. Immutable; running it twice on equal bytes gives equal results. */
export abstract class CompiledMap<Own extends Source> implements CompiledMessageMap {
  readonly #facts: MapFacts;

  constructor(facts: MapFacts) {
    this.#facts = facts;
  }

  get name(): string {
    return this.#facts.source.name;
  }

  get file(): string {
    return this.#facts.source.file;
  }

  get digest(): string {
    return this.#facts.digest;
  }

  get bundleType(): BundleKind {
    return this.#facts.source.bundle;
  }

  /** What `for` names. */
  get claims(): readonly string[] {
    return this.#facts.source.for.map((claim) => claim.text);
  }

  run(source: Source, context: MappingContext): MappingResult {
    return this.#run(this.own(source), context, undefined);
  }

  lineage(source: Source, context: MappingContext): Iterable<ElementLineage> {
    const own = this.own(source);
    const log = new LineageLog();
    const { resources } = this.#run(own, context, log);
    return new MessageLineage(log, () => this.leaves(own), resources, this.#facts.rules).elements();
  }

  timestamp(source: Source, parameters: MappingParameters = noParameters): string | undefined {
    try {
      return this.moment(run, this.own(source), parameters);
    } finally {
      run.finish();
    }
  }

  #run(
    source: Own,
    { tenant, parameters = noParameters, account = 'off' }: MappingContext,
    log: LineageLog | undefined,
  ): MappingResult {
    this.begin(run, source, tenant, parameters);
    run.accounting = account !== 'off' || log !== undefined;
    run.lineage = log;
    const watcher = log && watchRows((table, row, code) => log.used(table, row, code));
    try {
      return this.map(run, source, account);
    } finally {
      if (log) watchRows(watcher);
      run.finish();
    }
  }

  /** The source, of the kind that the map is for; another is a bug. */
  protected abstract own(source: Source): Own;
  protected abstract begin(run: Run, source: Own, tenant: string, parameters: MappingParameters): void;
  protected abstract map(run: Run, source: Own, account: Account): MappingResult;
  protected abstract leaves(source: Own): ReadonlyMap<number, SourceLeaf>;
  /** The moment of the source; begins the run by itself. */
  protected abstract moment(run: Run, source: Own, parameters: MappingParameters): string | undefined;
}

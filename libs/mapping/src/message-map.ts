import type { Message } from '#hl7v2';
import type { MessageProgram } from './compile/compile-message.js';
import type { RuleBook } from './compile/scope.js';
import type { MessageMapSource } from './language/mapping-file.js';
import type { ElementLineage, MappingContext, MappingParameters, MappingResult } from './mapping-result.js';
import type { CompiledMessageMap } from './mapping-set.js';
import { makeReport } from './run/account.js';
import type { DropTable } from './run/drop-table.js';
import { placeSegments } from './run/group-instance.js';
import { MessageLineage } from './run/lineage.js';
import { LineageLog } from './run/lineage-log.js';
import { Run } from './run/run.js';
import { watchRows } from './tables/code-table.js';
import { formatTime } from './types/time.js';

export interface MessageMapFacts {
  readonly source: MessageMapSource;
  readonly program: MessageProgram;
  readonly rules: RuleBook;
  readonly drops: DropTable;
  readonly digest: string;
}

/** Running is synchronous and leaves nothing behind, so one state serves every map of the process. */
const run = new Run();
const noParameters: MappingParameters = {};

/** A compiled message map. Immutable; running it twice on equal bytes gives equal results. */
export class MessageMap implements CompiledMessageMap {
  constructor(readonly facts: MessageMapFacts) {}

  get name(): string {
    return this.facts.source.name;
  }

  get file(): string {
    return this.facts.source.file;
  }

  get digest(): string {
    return this.facts.digest;
  }

  get bundleType(): 'message' | 'collection' {
    return this.facts.source.bundle;
  }

  /** What `for` names. */
  get claims(): readonly string[] {
    return this.facts.source.for.map((claim) => claim.text);
  }

  run(message: Message, context: MappingContext): MappingResult {
    return this.#run(message, context, undefined);
  }

  lineage(message: Message, context: MappingContext): Iterable<ElementLineage> {
    const log = new LineageLog();
    const { resources } = this.#run(message, context, log);
    return new MessageLineage(log, message, resources, this.facts.rules).elements();
  }

  #run(
    message: Message,
    { tenant, parameters = noParameters, account = 'off' }: MappingContext,
    log: LineageLog | undefined,
  ): MappingResult {
    const { program, rules, drops } = this.facts;
    run.begin(message, tenant, parameters, program.nameCount);
    run.segmentBits = program.segments.of(message);
    run.accounting = account !== 'off' || log !== undefined;
    run.lineage = log;
    const watcher = log && watchRows((table, row, code) => log.used(table, row, code));
    try {
      const root = placeSegments(message, program.structure, (segment) => {
        run.fail(
          'HL7_SEGMENT_OUT_OF_PLACE',
          this.name,
          `${segment.name} is not expected here`,
          segment.start + 4,
        );
      });
      program.steps(run, root);
      const report = makeReport(run, message, account, rules, drops);
      return { resources: run.resources, report };
    } finally {
      if (log) watchRows(watcher);
      run.finish();
    }
  }

  timestamp(message: Message, parameters: MappingParameters = noParameters): string | undefined {
    const text = message.first('MSH')?.value(7);
    if (text === null || text === undefined) return undefined;
    run.begin(message, '', parameters, 0);
    const instant = formatTime(run, text, 'instant');
    run.finish();
    return instant;
  }
}

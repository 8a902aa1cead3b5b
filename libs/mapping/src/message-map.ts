import type { Message } from '#hl7v2';
import { assert } from '#kernel';
import type { MessageProgram } from './compile/compile-message.js';
import { type Account, CompiledMap, type MapFacts } from './compiled-map.js';
import type { MappingParameters, MappingResult } from './mapping-result.js';
import { makeReport } from './run/account.js';
import type { DropTable } from './run/drop-table.js';
import { placeSegments } from './run/group-instance.js';
import { leavesOfMessage } from './run/lineage.js';
import type { Run } from './run/run.js';
import { isDocument, type Source } from './source.js';
import { formatTime } from './types/time.js';

export interface MessageMapFacts extends MapFacts {
  readonly program: MessageProgram;
  readonly drops: DropTable;
}

/** A compiled map of messages of HL7, and of rows, which are messages too. */
export class MessageMap extends CompiledMap<Message> {
  constructor(readonly facts: MessageMapFacts) {
    super(facts);
  }

  protected own(source: Source): Message {
    assert(!isDocument(source), 'MAPPING_SOURCE_FORMAT');
    return source;
  }

  protected begin(run: Run, message: Message, tenant: string, parameters: MappingParameters): void {
    const { program } = this.facts;
    run.begin(message, tenant, parameters, program.nameCount);
    run.segmentBits = program.segments.of(message);
  }

  protected map(run: Run, message: Message, account: Account): MappingResult {
    const { program, rules, drops } = this.facts;
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
  }

  protected leaves(message: Message) {
    return leavesOfMessage(message);
  }

  protected moment(run: Run, message: Message, parameters: MappingParameters): string | undefined {
    const text = message.first('MSH')?.value(7);
    if (text === null || text === undefined) return undefined;
    run.begin(message, '', parameters, 0);
    return formatTime(run, text, 'instant');
  }
}

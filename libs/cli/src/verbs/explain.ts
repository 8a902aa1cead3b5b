import { parseMessage, readMessageHeader } from '#hl7v2';
import { EngineError, isEngineError, parsePosition } from '#kernel';
import { loadMappings, type MappingSet } from '#mapping';
import { UsageError } from '../arguments.js';
import { ChannelChoice } from '../channel-choice.js';
import { type Explanation, explanationLines } from '../explanation-text.js';
import { folderLayout } from '../mapping-folder.js';
import { type FoundMessage, listFiles, messageLabel, readMessages } from '../message-files.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

export const explain: Verb = {
  usage: '<file or position>...',
  about: [
    'Maps messages under the mappings of now and accounts for every value: mapped, dropped by a rule with its reason, or',
    'unmapped, and what a rule could not do. Shows places (PID[1]-3[2].1), never values. Takes files, folders and journal',
    'positions (lane-partition-seq). Files need no engine; a position is read from its database. Stores nothing.',
  ],
  options: {
    channel: {
      type: 'string',
      short: 'c',
      value: '<name>',
      about: 'map as this channel does; default the first that accepts the type',
    },
    mappings: { type: 'string', value: '<folder>', about: 'mappings to use; default mappings/' },
    dropped: { type: 'boolean', about: 'name every dropped place, not only the rules' },
  },
  exits: {
    ok: 'every value is mapped or dropped by a rule',
    no: 'something is unmapped or failed, or no map claims a message',
  },
  examples: [
    'explain test/fixtures/hl7v2/oru-r01/cbc-panel.hl7',
    'explain 0-17-42',
    'explain archive/ --json',
  ],
  run: async (call) => {
    const { words } = call.arguments;
    if (words.length === 0) throw new UsageError('a file or journal position is missing');
    const layout = await folderLayout(call.settings, call.arguments.text('mappings'));
    const set = loadMappings(layout.mappings);
    if (set.errors.length > 0)
      call.terminal.note(
        `${set.errors.length} problems in the mappings; those maps are not used: suture validate`,
      );
    const channels = await ChannelChoice.open(call.settings, call.arguments.text('channel'));
    let isComplete = true;
    for await (const source of sourcesOf(call, words)) {
      const explanation = explained(call, set, channels, source);
      isComplete &&= explanation.complete;
      if (call.json) call.terminal.out(JSON.stringify(explanation));
      else {
        const everyDrop = call.arguments.has('dropped');
        for (const line of explanationLines(explanation, { everyDrop }, call.terminal))
          call.terminal.out(line);
      }
    }
    return isComplete ? exitCode.ok : (exitCode.no satisfies ExitCode);
  },
};

interface ExplainSource {
  readonly label: string;
  readonly raw: Buffer;
  /** Of a journaled message. */
  readonly channel: string | undefined;
}

async function* sourcesOf(call: Call, words: readonly string[]): AsyncGenerator<ExplainSource> {
  for (const word of words) {
    const position = parsePosition(word);
    if (position !== undefined) {
      yield await journaled(call, word);
      continue;
    }
    for (const file of await listFiles([word], call.settings.typedFrom)) {
      const messages: FoundMessage[] = await readMessages(file);
      if (messages.length === 0) call.terminal.note(`${file.label}: no HL7 v2 message in it`);
      for (const message of messages)
        yield { label: messageLabel(message), raw: message.raw, channel: undefined };
    }
  }
}

async function journaled(call: Call, word: string): Promise<ExplainSource> {
  const [{ withDatabase }, { JournalTrace, readMessage }] = await Promise.all([
    import('../open-database.js'),
    import('#journal'),
  ]);
  const position = parsePosition(word);
  return withDatabase(call.settings, async (database) => {
    const message = position === undefined ? undefined : await readMessage(database, position);
    if (message === undefined || position === undefined)
      throw new EngineError('rejected', 'MESSAGE_UNKNOWN', `there is no message at journal position ${word}`);
    const [entry] = await new JournalTrace(database).entries([position]);
    return { label: word, raw: message.raw, channel: entry?.channel };
  });
}

function explained(call: Call, set: MappingSet, channels: ChannelChoice, source: ExplainSource): Explanation {
  const header = readMessageHeader(source.raw);
  const type = `${header.messageCode}^${header.triggerEvent}`;
  const { channel, parameters } = channels.of(type, source.channel);
  const facts = { message: source.label, type, channel };
  const none = { ...facts, complete: false, resources: {}, report: undefined };
  const map = set.forMessage(header.messageCode, header.triggerEvent, header.messageStructure || undefined);
  if (map === undefined) return { ...none, map: undefined, problem: `no map claims ${type}` };
  try {
    const { resources, report } = map.run(parseMessage(source.raw), {
      tenant: call.settings.tenant,
      account: 'full',
      parameters,
    });
    const counts: Record<string, number> = {};
    for (const resource of resources) counts[resource.type] = (counts[resource.type] ?? 0) + 1;
    const complete = report.unmapped.length === 0 && report.errors.length === 0;
    return { ...facts, map: map.name, complete, resources: counts, report, problem: undefined };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { ...none, map: map.name, problem: `${error.code}: ${error.message}` };
  }
}

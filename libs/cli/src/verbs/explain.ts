import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isXml } from '#cda';
import { layoutOfUnit } from '#csv';
import { readMessageHeader } from '#hl7v2';
import { EngineError, isEngineError, parsePosition } from '#kernel';
import { type CompiledMessageMap, MappingLibrary } from '#mapping';
import { UsageError } from '../arguments.js';
import { ChannelChoice } from '../channel-choice.js';
import { explainRules } from '../explain-rules.js';
import { type Explanation, explanationLines, valueLines } from '../explanation-text.js';
import { LayerChoice, layersOption } from '../layer-choice.js';
import { elementOrigins, isLeafFilter, leafFates } from '../leaf-filter.js';
import { folderLayout } from '../mapping-folder.js';
import { type FoundMessage, listFiles, messageLabel, readMessages } from '../message-files.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

export const explain: Verb = {
  usage: '<file or position>... [<field or element>...]  |  explain <map> [<rule>]',
  about: [
    'Maps messages under the mappings of now and accounts for every value: mapped, dropped by a rule with its reason, or',
    'unmapped, and what a rule could not do. Shows places (PID[1]-3[2].1), never values. Takes files, folders and journal',
    'positions (lane-partition-seq). With fields (PID-11), columns (row.sex) or elements (birthDate, Patient.birthDate): what',
    'became of each of those values, the rule, and where the values of the elements come from. Files need no engine; a position',
    'is read from its database. Stores nothing.',
    'With the name of a map: what each layer says of its rules, the one that counts and those it overrules.',
  ],
  options: {
    channel: {
      type: 'string',
      short: 'c',
      value: '<name>',
      about: 'map as this channel does; default the first that accepts the type',
    },
    mappings: { type: 'string', value: '<folder>', about: 'mappings to use; default mappings/' },
    layers: layersOption,
    dropped: { type: 'boolean', about: 'name every dropped place, not only the rules' },
    leaves: { type: 'boolean', about: 'tell of every value of the message what became of it' },
    lineage: { type: 'boolean', about: 'tell of every value of the resources where it comes from' },
  },
  exits: {
    ok: 'every value (asked for) is mapped or dropped by a rule; there is such a rule',
    no: 'something is unmapped or failed, no map claims a message, or there is no such value, map or rule',
  },
  examples: [
    'explain test/fixtures/hl7v2/oru-r01/cbc-panel.hl7',
    'explain test/fixtures/hl7v2/adt-a01/admit.hl7 PID-11 Patient.name',
    'explain test/fixtures/hl7v2/adt-a01/admit.hl7 --lineage',
    'explain v2.PID.Patient birthDate --layers us,site-example',
    'explain 0-17-42',
    'explain archive/ --json',
  ],
  run: async (call) => {
    const { words } = call.arguments;
    const [first, second, third] = words;
    if (first === undefined) throw new UsageError('a file, a journal position or a map is missing');
    const layout = await folderLayout(call.settings, call.arguments.text('mappings'));
    const choice = LayerChoice.read(call.arguments, new MappingLibrary(layout.mappings), call.terminal);
    if (!isFile(call, first) && isMap(choice, first)) {
      if (third !== undefined) throw new UsageError(`one rule at a time; '${third}' is too many`);
      return explainRules(call, choice, first, second);
    }
    const filters = words.filter((word) => !isFile(call, word) && isLeafFilter(word));
    const messages = words.filter((word) => !filters.includes(word));
    if (messages.length === 0) throw new UsageError('a file, a journal position or a map is missing');
    return explainMessages(call, choice, messages, filters);
  },
};

function isFile(call: Call, word: string): boolean {
  return existsSync(resolve(call.settings.typedFrom, word));
}

/** `v2.`, `ccda.` and `csv.` begin the names that we ship: one that is not there is told as a map that is not there. */
function isMap(choice: LayerChoice, word: string): boolean {
  const isOurs = /^(?:v2|ccda|csv)\.[A-Za-z0-9_.]+$/.test(word);
  return isOurs || choice.library.mapNames(choice.layers()).includes(word);
}

async function explainMessages(
  call: Call,
  choice: LayerChoice,
  words: readonly string[],
  filters: readonly string[],
): Promise<ExitCode> {
  const channels = await ChannelChoice.open(call.settings, call.arguments.text('channel'));
  const asked = {
    filters,
    leaves: filters.length > 0 || call.arguments.has('leaves'),
    lineage: filters.length > 0 || call.arguments.has('lineage'),
  };
  let isComplete = true;
  for await (const source of sourcesOf(call, choice, words)) {
    const explanation = explained(call, choice, channels, source, asked);
    isComplete &&= explanation.complete;
    if (call.json) call.terminal.out(JSON.stringify(explanation));
    else {
      const everyDrop = call.arguments.has('dropped');
      const lines =
        asked.leaves || asked.lineage
          ? valueLines(explanation, call.terminal)
          : explanationLines(explanation, { everyDrop }, call.terminal);
      for (const line of lines) call.terminal.out(line);
    }
  }
  return isComplete ? exitCode.ok : exitCode.no;
}

interface ExplainSource {
  readonly label: string;
  readonly raw: Buffer;
  /** Of a journaled message. */
  readonly channel: string | undefined;
}

async function* sourcesOf(
  call: Call,
  choice: LayerChoice,
  words: readonly string[],
): AsyncGenerator<ExplainSource> {
  for (const word of words) {
    const position = parsePosition(word);
    if (position !== undefined) {
      yield await journaled(call, word);
      continue;
    }
    for (const file of await listFiles([word], call.settings.typedFrom)) {
      const messages: FoundMessage[] = await readMessages(file, choice.maps());
      if (messages.length === 0) call.terminal.note(`${file.label}: no message in it`);
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

/** Of which values to tell each. */
interface ValuesAsked {
  /** Words that name values; none: all. */
  readonly filters: readonly string[];
  /** Whether of those of the message, and of those of the resources. */
  readonly leaves: boolean;
  readonly lineage: boolean;
}

function explained(
  call: Call,
  choice: LayerChoice,
  channels: ChannelChoice,
  source: ExplainSource,
  asked: ValuesAsked,
): Explanation {
  const { filters } = asked;
  const type = typeOfRaw(source.raw);
  const chosen = channels.of(type, source.channel);
  const { channel, parameters } = chosen;
  const facts = { message: source.label, type, channel, layers: choice.layers(chosen) };
  const none = {
    ...facts,
    complete: false,
    resources: {},
    report: undefined,
    leaves: undefined,
    elements: undefined,
  };
  const set = choice.maps(chosen);
  let map: CompiledMessageMap | undefined;
  try {
    const read = set.read(source.raw);
    map = read.map;
    if (map === undefined) return { ...none, map, problem: `no map claims ${type}` };
    const message = read.source;
    const context = { tenant: call.settings.tenant, parameters };
    const { resources, report } = map.run(message, { ...context, account: 'rules' });
    const { read: _, ...account } = report;
    const counts: Record<string, number> = {};
    for (const resource of resources) counts[resource.type] = (counts[resource.type] ?? 0) + 1;
    const leaves = asked.leaves ? leafFates(report, filters) : undefined;
    const elements = asked.lineage ? elementOrigins(map.lineage(message, context), filters) : undefined;
    const complete =
      filters.length > 0 && leaves
        ? leaves.length > 0 && leaves.every(({ fate }) => fate !== 'unmapped')
        : report.unmapped.length === 0 && report.errors.length === 0;
    return {
      ...facts,
      map: map.name,
      complete,
      resources: counts,
      report: account,
      leaves,
      elements,
      problem: undefined,
    };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { ...none, map: map?.name, problem: `${error.code}: ${error.message}` };
  }
}

/** As channels accept it. */
function typeOfRaw(raw: Buffer): string {
  if (isXml(raw)) return 'CDA';
  const { messageCode, triggerEvent } = readMessageHeader(raw);
  return layoutOfUnit(raw) ?? `${messageCode}^${triggerEvent}`;
}

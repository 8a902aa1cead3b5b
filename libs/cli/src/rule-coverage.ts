import { layoutOfUnit } from '#csv';
import { readMessageHeader } from '#hl7v2';
import { CoverageRun, formatProblem } from '#mapping';
import { ChannelChoice } from './channel-choice.js';
import { LayerChoice } from './layer-choice.js';
import { listFiles, readMessages } from './message-files.js';
import { columns } from './text-table.js';
import { counted, durationText } from './time-text.js';
import { type Call, type ExitCode, exitCode } from './verb.js';

type Coverage = ReturnType<CoverageRun['result']>;

/** So many codes of one table are named to a person; --json has all. */
const CODES_SHOWN = 12;

/** Maps every message below `folder`, as its channel does, and lists what none of them needed. */
export async function coverMessages(call: Call, mappings: string, folder: string): Promise<ExitCode> {
  const { terminal, settings } = call;
  const startedMs = performance.now();
  const run = new CoverageRun(mappings);
  const layers = LayerChoice.read(call.arguments, run.library, terminal);
  const channels = await ChannelChoice.open(settings, undefined);
  const files = await listFiles([folder], settings.typedFrom);
  let mapped = 0;
  let without = 0;
  for (const [index, file] of files.entries()) {
    if (terminal.stop.aborted) break;
    const messages = await readMessages(file, layers.maps());
    if (messages.length === 0) without++;
    for (const { raw } of messages) {
      const { messageCode, triggerEvent } = readMessageHeader(raw);
      const channel = channels.of(layoutOfUnit(raw) ?? `${messageCode}^${triggerEvent}`);
      run.add(raw, layers.layers(channel), channel.parameters);
      mapped++;
    }
    terminal.progress(`${index + 1} of ${counted(files.length, 'file')}, ${counted(mapped, 'message')}`);
  }
  const coverage = run.result();
  const isGood = coverage.messages > 0 && coverage.errors.length === 0;
  if (call.json) terminal.out(JSON.stringify({ files: files.length, ...coverage }));
  else {
    for (const line of coverageLines(coverage)) terminal.out(line);
    if (without > 0) terminal.note(`${counted(without, 'file')} without a message`);
    terminal.out(sentence(coverage, performance.now() - startedMs));
  }
  return isGood ? exitCode.ok : exitCode.no;
}

/** Rules and drops by the file they stand in, rows by their table. */
function coverageLines({ errors, rules, drops, rows, unclaimed }: Coverage): string[] {
  const unused = [...rules.unused, ...drops.unused].sort((a, b) => order(a.file, b.file) || a.line - b.line);
  const tables = new Map<string, string[]>();
  for (const { file, code } of rows.unused) {
    const codes = tables.get(file) ?? [];
    tables.set(file, codes);
    codes.push(code);
  }
  return [
    ...errors.map(formatProblem),
    ...columns(unused.map(({ file, line, name }) => [`${file}:${line}`, name])),
    ...columns([...tables].sort(([a], [b]) => order(a, b)).map(([file, codes]) => [file, codesText(codes)])),
    ...Object.entries(unclaimed).map(
      ([type, count]) => `no map is for ${type}: ${counted(count, 'message')}`,
    ),
  ];
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function codesText(codes: readonly string[]): string {
  const more = codes.length - CODES_SHOWN;
  const shown = codes.slice(0, CODES_SHOWN).join(' ');
  return more > 0
    ? `${counted(codes.length, 'row')}: ${shown} and ${more} more`
    : `${counted(codes.length, 'row')}: ${shown}`;
}

function sentence({ messages, refused, rules, drops, rows }: Coverage, ms: number): string {
  const never = [
    `${rules.unused.length} of ${counted(rules.of, 'rule')}`,
    `${drops.unused.length} of ${counted(drops.of, 'drop')}`,
    `${rows.unused.length} of ${counted(rows.of, 'table row')}`,
  ];
  const unread = refused > 0 ? `, ${refused} refused` : '';
  return `${counted(messages, 'message')} mapped${unread}; never used: ${never.join(', ')} (${durationText(ms)})`;
}

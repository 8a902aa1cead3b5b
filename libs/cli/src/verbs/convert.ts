import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isXml } from '#cda';
import { readMessageHeader, splitBatch } from '#hl7v2';
import { EngineError, isEngineError } from '#kernel';
import { type ConvertedFile, convertFile, MappingLibrary } from '#mapping';
import { UsageError } from '../arguments.js';
import { ChannelChoice } from '../channel-choice.js';
import { type ConversionReport, conversionReport, refusedReport } from '../conversion-report.js';
import { convertRowsFile, maybeRows, startOf } from '../convert-rows-file.js';
import { LayerChoice, layersOption } from '../layer-choice.js';
import { folderLayout } from '../mapping-folder.js';
import { listFiles, type MessageFile, readBytes } from '../message-files.js';
import { counted, durationText } from '../time-text.js';
import { type Call, exitCode, type Verb } from '../verb.js';

const ENDINGS = ['.hl7', '.txt', '.xml', '.ccda', '.cda', '.csv', '.tsv', '.psv'];
/** Files that hold rows, or nothing that is known. */
const ROW_ENDINGS = ['.csv', '.tsv', '.psv'];
/** Files that hold no rows. */
const OTHER_ENDINGS = ['.hl7', '.xml', '.ccda', '.cda'];
/** Enough to tell formats apart. */
const SNIFF_BYTES = 512;

export const convert: Verb = {
  usage: '--in <folder> --out <folder>  |  convert <file>... [--out <folder>]',
  about: [
    'Converts every message file under --in (.hl7 .txt .xml .ccda .cda .csv .tsv .psv, told apart by content) to the same path',
    'under --out: .json holds one FHIR Bundle, .report.json what was mapped, dropped, unmapped and wrong. A file that is refused',
    'gets only its report. With --lineage, .lineage.json tells of every value of the bundle where in the message it comes',
    'from, and by which rule. Offline: no server, no database.',
    'Files of rows may be of any size: memory does not grow with them, the disk holds the bundle twice meanwhile. The map whose',
    'columns a file has converts it; its report says what was found out, and counts rows, bad rows and cells by column.',
  ],
  options: {
    in: { type: 'string', value: '<folder>', about: 'where the messages are' },
    out: {
      type: 'string',
      value: '<folder>',
      about: 'where bundles and reports go; made when missing, files replaced',
    },
    mappings: { type: 'string', value: '<folder>', about: 'mappings to use; default mappings/' },
    channel: {
      type: 'string',
      short: 'c',
      value: '<name>',
      about: 'convert as this channel does; default the first that accepts the type',
    },
    layers: layersOption,
    lineage: { type: 'boolean', about: 'tell where each value of the bundles comes from' },
  },
  exits: {
    ok: 'every file was converted',
    no: 'a file, or a message in one, was refused; or there was none',
  },
  examples: ['convert --in inbox --out fhir', 'convert labs.csv', 'convert --in inbox --out fhir --lineage'],
  run: async (call) => {
    const { files, to } = await filesOf(call);
    const layout = await folderLayout(call.settings, call.arguments.text('mappings'));
    const library = new MappingLibrary(layout.mappings);
    const layers = LayerChoice.read(call.arguments, library, call.terminal);
    const channels = await ChannelChoice.open(call.settings, call.arguments.text('channel'));
    const tally = await convertAll(call, files, to, {
      layers,
      channels,
      tenant: call.settings.tenant,
      lineage: call.arguments.has('lineage'),
    });
    if (call.json) call.terminal.out(JSON.stringify(tally));
    else call.terminal.out(sentence(tally));
    return tally.files > 0 && tally.refused + tally.partly === 0 ? exitCode.ok : exitCode.no;
  },
};

interface ConversionContext {
  readonly layers: LayerChoice;
  readonly channels: ChannelChoice;
  readonly tenant: string;
  readonly lineage: boolean;
}

interface Outcome {
  readonly bundle: string | undefined;
  readonly lineage: string | undefined;
}

interface Tally {
  files: number;
  converted: number;
  partly: number;
  refused: number;
  messages: number;
  ms: number;
}

/** Those of a folder, to a folder; or those that were named, to where they were named from. */
async function filesOf(call: Call): Promise<{ files: readonly MessageFile[]; to: string }> {
  const { typedFrom } = call.settings;
  const { words } = call.arguments;
  const typed = (name: string) => {
    const text = call.arguments.text(name);
    return text === undefined ? undefined : resolve(typedFrom, text);
  };
  const [from, to] = [typed('in'), typed('out')];
  if (words.length > 0) {
    if (from !== undefined) throw new UsageError('name files, or a folder with --in; not both');
    const files = await listFiles(words, typedFrom);
    return { files: files.map(({ path, label }) => ({ path, label: basename(label) })), to: to ?? typedFrom };
  }
  if (from === undefined || to === undefined)
    throw new UsageError(`--${from === undefined ? 'in' : 'out'} is missing`);
  if (from === to) throw new UsageError('--in and --out are the same folder');
  const files = await listFiles([from], typedFrom);
  return { files: files.filter(({ path }) => ENDINGS.includes(endingOf(path))), to };
}

async function convertAll(
  call: Call,
  files: readonly MessageFile[],
  to: string,
  context: ConversionContext,
): Promise<Tally> {
  const startedMs = Date.now();
  const tally: Tally = { files: files.length, converted: 0, partly: 0, refused: 0, messages: 0, ms: 0 };
  const taken = new Map<string, string>();
  for (const [index, file] of files.entries()) {
    if (call.terminal.stop.aborted)
      throw new EngineError('unavailable', 'INTERRUPTED', `interrupted after ${index} files`);
    call.terminal.progress(`${index + 1} of ${files.length}: ${file.label}`);
    const target = join(to, file.label.slice(0, -extname(file.label).length));
    const other = taken.get(target);
    if (other !== undefined) {
      call.terminal.note(`${file.label}: left out, ${other} has the same name without its ending`);
      tally.refused++;
      continue;
    }
    taken.set(target, file.label);
    const report = await convertTo(call, file, target, context);
    tally[report.outcome]++;
    tally.messages += report.messages;
    if (report.outcome !== 'converted' && !call.json)
      call.terminal.out(
        `${report.outcome}  ${file.label}  ${report.errors[0]?.code ?? ''}: ${report.errors[0]?.message ?? ''}`,
      );
  }
  tally.ms = Date.now() - startedMs;
  return tally;
}

/** Writes what becomes of one file. */
async function convertTo(
  call: Call,
  file: MessageFile,
  target: string,
  context: ConversionContext,
): Promise<ConversionReport> {
  const isRows = ROW_ENDINGS.includes(endingOf(file.path));
  // Columns of fixed width come under all kinds of names.
  const isText = !OTHER_ENDINGS.includes(endingOf(file.path));
  const start = isText ? startOf(file.path) : undefined;
  if (maybeRows(start)) {
    const progress = (text: string) => call.terminal.progress(text);
    const { stop } = call.terminal;
    const report = await convertRowsFile(file, start, target, { ...context, isRows, progress, stop });
    if (report) {
      await writeReport(target, report);
      return report;
    }
  }
  const { report, ...outcome } = await convertOne(file, context);
  await write(target, outcome);
  await writeReport(target, report);
  return report;
}

function endingOf(path: string): string {
  return extname(path).toLowerCase();
}

async function convertOne(
  file: MessageFile,
  { layers, channels, tenant, lineage }: ConversionContext,
): Promise<Outcome & { report: ConversionReport }> {
  const source = file.label;
  const refuse = (format: ConversionReport['format'], code: string, message: string) => {
    return { bundle: undefined, lineage: undefined, report: refusedReport(source, format, code, message) };
  };
  let bytes: Buffer;
  try {
    bytes = await readBytes(file);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return refuse('unknown', error.code, error.message);
  }
  const converted = (format: ConversionReport['format'], type: string) => {
    const channel = channels.of(type);
    const { parameters } = channel;
    const result = convertFile(bytes, layers.maps(channel), { tenant, parameters, lineage });
    const lines = lineage ? lineageLines(result) : undefined;
    return {
      bundle: result.bundle,
      lineage: lines,
      report: conversionReport(source, format, result),
    };
  };
  if (isXml(bytes)) return converted('xml', 'CDA');
  const [first] = splitBatch(bytes).messages;
  if (first !== undefined) {
    const { messageCode, triggerEvent } = readMessageHeader(first);
    return converted('hl7v2', `${messageCode}^${triggerEvent}`);
  }
  // UTF-16 shows its letters between zero bytes; a byte order mark goes before them.
  const start = bytes
    .toString('latin1', 0, SNIFF_BYTES)
    .replace(/^[\s\u00ef\u00bb\u00bf\u00ff\u00fe\0]+/, '');
  const why = start === '' ? 'it is empty' : 'it holds no HL7 v2 message, no XML and no CSV';
  return refuse('unknown', 'FORMAT_UNKNOWN', why);
}

/** One line for each value, so that even a long file can be searched. */
function lineageLines({ messages }: ConvertedFile): string | undefined {
  const lines = messages.flatMap(({ number, lineage = [] }) => {
    const of = messages.length > 1 ? { message: number } : {};
    return lineage.map((element) => JSON.stringify({ ...of, ...element }));
  });
  return lines.length === 0 ? undefined : `[\n${lines.join(',\n')}\n]`;
}

async function write(target: string, { bundle, lineage }: Outcome): Promise<void> {
  try {
    await mkdir(dirname(target), { recursive: true });
    // What an earlier run made of a file that is now refused must not stay.
    for (const [ending, text] of [
      ['.json', bundle],
      ['.lineage.json', lineage],
    ] as const)
      if (text === undefined) await rm(target + ending, { force: true });
      else await writeFile(target + ending, `${text}\n`);
  } catch (cause) {
    throw unwritable(`${target}.json`, cause);
  }
}

async function writeReport(target: string, report: ConversionReport): Promise<void> {
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.report.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  } catch (cause) {
    throw unwritable(`${target}.report.json`, cause);
  }
}

function unwritable(path: string, cause: unknown): EngineError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new EngineError('misconfigured', 'FILE_UNWRITABLE', `cannot write ${path} (${code})`, { cause });
}

function sentence({ files, converted, partly, refused, messages, ms }: Tally): string {
  if (files === 0) return `no message files there (${ENDINGS.join(' ')})`;
  const parts = [`${converted} converted`];
  if (partly > 0) parts.push(`${partly} in part`);
  if (refused > 0) parts.push(`${refused} refused`);
  return `${counted(files, 'file')} with ${counted(messages, 'message')} in ${durationText(ms)}: ${parts.join(', ')}`;
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { type FileProblem, firstFiles, note, type Reading } from '#declaration';
import { acceptedBy, type ChannelFile, channelField } from './channel-file.js';

/** Larger is no channel file. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_CHANNELS = 1_000;

export interface LoadedChannels {
  readonly channels: readonly ChannelFile[];
  /** Each names file, line, column and remedy; the channels above run without the files that have problems. */
  readonly problems: readonly FileProblem[];
}

/**
 * Reads every `*.yaml` in `directory`. A file with a mistake gives problems and no channel; the others are not touched by it.
 * `${NAME:-default}` comes from `environment`.
 */
export async function loadChannels(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<LoadedChannels> {
  const problems: FileProblem[] = [];
  const channels = new Map<string, ChannelFile>();
  const files = firstFiles(directory, await namesIn(directory, problems), MAX_CHANNELS, problems);
  for (const name of files) {
    const file = join(directory, name);
    const text = await readFile(file, 'utf8');
    const channel = readChannel(file, text, environment, problems);
    if (channel === undefined) continue;
    if (channels.has(channel.channel)) {
      const message = `the channel '${channel.channel}' stands in another file too`;
      problems.push({
        file,
        line: 1,
        column: 1,
        code: 'CHANNEL_TWICE',
        message,
        remedy: 'rename one of them',
      });
    } else {
      channels.set(channel.channel, channel);
    }
  }
  return { channels: [...channels.values()], problems };
}

async function namesIn(directory: string, problems: FileProblem[]): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name));
  } catch (error) {
    const message = `the channel folder cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    const remedy = 'make the folder, or point SUTURE_CHANNELS to where the channel files are';
    problems.push({
      file: directory,
      line: 0,
      column: 0,
      code: 'CHANNEL_FOLDER_UNREADABLE',
      message,
      remedy,
    });
    return [];
  }
}

/** Reads one channel file; adds to `problems` and answers undefined when it has any. */
export function readChannel(
  file: string,
  text: string,
  environment: Reading['environment'],
  problems: FileProblem[],
): ChannelFile | undefined {
  const reading: Reading = { file, lines: new LineCounter(), problems: [], environment };
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    note(reading, undefined, 'CHANNEL_FILE_TOO_LARGE', 'the file is larger than 1 MiB', 'split it');
  } else {
    const document = parseDocument(text, { lineCounter: reading.lines, uniqueKeys: true });
    const channel = readDocument(document, reading);
    if (reading.problems.length === 0 && channel) return channel;
  }
  problems.push(...reading.problems);
  return undefined;
}

function readDocument(document: Document.Parsed, reading: Reading): ChannelFile | undefined {
  // A parser that lost its way finds mistakes in all that follows; the first is the one to correct.
  const syntax = document.errors.find((error) => error.code !== 'DUPLICATE_KEY');
  for (const error of syntax ? [syntax] : document.errors) {
    const position = error.linePos?.[0];
    const message = error.message.split('\n')[0] ?? 'malformed YAML';
    const place = { file: reading.file, line: position?.line ?? 0, column: position?.col ?? 0 };
    reading.problems.push({ ...place, code: 'CHANNEL_YAML_MALFORMED', message, remedy: 'correct the YAML' });
  }
  if (document.errors.length > 0) return undefined;
  if (document.contents === null) {
    note(
      reading,
      undefined,
      'CHANNEL_FILE_EMPTY',
      'the file is empty',
      'write a channel, or delete the file',
    );
    return undefined;
  }
  const channel = channelField.read(document.contents, reading);
  if (channel !== undefined) checkRoutes(channel, document, reading);
  return channel;
}

/** A message type of HL7 v2, such as ORU^R01. */
const HL7_TYPE = /^[A-Z0-9]{3}\^/;

/** Every route leads somewhere, and to a receiver that can take what the channel takes. */
function checkRoutes(channel: ChannelFile, document: Document.Parsed, reading: Reading): void {
  const foreign = acceptedBy(channel).find((type) => !HL7_TYPE.test(type));
  for (const [index, route] of (channel.routes ?? []).entries()) {
    const node = document.getIn(['routes', index, 'to'], true) as Parameters<typeof note>[1];
    const destination = channel.destinations?.get(route.to);
    if (destination === undefined) {
      const known = [...(channel.destinations?.keys() ?? [])].join(', ') || 'none';
      note(reading, node, 'CHANNEL_ROUTE_UNKNOWN', `no destination '${route.to}'`, `declared here: ${known}`);
    } else if (destination.mllp !== undefined && foreign !== undefined) {
      const message = `'${route.to}' takes HL7 v2 alone, and the channel accepts ${foreign}`;
      const remedy = 'give what is no HL7 v2 a channel of its own, or another kind of destination';
      note(reading, node, 'CHANNEL_ROUTE_UNFIT', message, remedy);
    }
  }
}

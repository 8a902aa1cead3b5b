import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { splitBatch } from '#hl7v2';
import { EngineError } from '#kernel';
import { MappingLibrary } from '#mapping';
import { UsageError } from '../arguments.js';
import { maybeRows, startOf } from '../convert-rows-file.js';
import { doubt, withDoubts } from '../doubt.js';
import { Hl7Survey } from '../infer-hl7.js';
import { type Draft, inferRows } from '../infer-rows.js';
import { folderLayout } from '../mapping-folder.js';
import { listFiles, readBytes } from '../message-files.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

const SAMPLE_BYTES = 1024 * 1024;

export const infer: Verb = {
  usage: '<file or folder>',
  about: [
    'Drafts a channel and a mapping: of a file of rows (CSV and its like), whose columns it compares with those of the maps',
    'that are there; or of a file or folder of HL7 v2 messages, of which it says what to accept and what no rule reads. Each',
    'line says how sure it is, and has an open question where it is not. The draft loads as it is (suture validate), and maps',
    'what is known. Without --out it is printed; with it, written below that folder, where no file is replaced. Holds nothing',
    'of the content.',
  ],
  options: {
    out: { type: 'string', value: '<folder>', about: 'a folder of mappings to write the draft into' },
    name: { type: 'string', value: '<name>', about: 'of the channel; default that of the file or folder' },
    mappings: { type: 'string', value: '<folder>', about: 'mappings to compare with; default mappings/' },
  },
  exits: { ok: 'there is a draft', no: 'there is nothing that a draft could be made of' },
  examples: ['infer labs.csv', 'infer labs.csv --out mappings', 'infer archive/ --name north --out mappings'],
  run: async (call) => {
    const typed = call.arguments.onlyWord('file or folder');
    const layout = await folderLayout(call.settings, call.arguments.text('mappings'));
    const library = new MappingLibrary(layout.mappings);
    const draft = await draftOf(call, typed, library);
    if (draft === undefined) {
      call.terminal.note(`${typed}: no message and no rows in it`);
      return exitCode.no;
    }
    return give(call, new Map([...draft].map(([file, text]) => [file, withDoubts(text)])));
  },
};

async function draftOf(call: Call, typed: string, library: MappingLibrary): Promise<Draft | undefined> {
  const path = resolve(call.settings.typedFrom, typed);
  const name = nameOf(call.arguments.text('name') ?? basename(path, extname(path)));
  const start = existsSync(path) && statSync(path).isFile() ? startOf(path, SAMPLE_BYTES) : undefined;
  if (maybeRows(start)) return inferRows(wholeLines(start), name, library);
  const survey = new Hl7Survey(library);
  const files = await listFiles([typed], call.settings.typedFrom);
  for (const [index, file] of files.entries()) {
    call.terminal.progress(`${index + 1} of ${files.length}: ${survey.messages} messages`);
    for (const raw of splitBatch(await readBytes(file)).messages)
      if (!survey.add(raw)) return survey.draft(name);
  }
  return survey.messages === 0 ? undefined : survey.draft(name);
}

/** A name that channels and maps may have. */
function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 40);
  if (name === '') throw new UsageError(`'${text}' makes no name; give one with --name`);
  return name;
}

/** Of a longer file: what is cut is no row. */
function wholeLines(start: Buffer): Buffer {
  return start.length < SAMPLE_BYTES ? start : start.subarray(0, start.lastIndexOf(0x0a) + 1);
}

function give(call: Call, draft: Draft): ExitCode {
  const out = call.arguments.text('out');
  if (call.json) call.terminal.out(JSON.stringify(Object.fromEntries(draft)));
  if (out === undefined) {
    if (!call.json) for (const [file, text] of draft) call.terminal.out(`# file: ${file}\n${text}`);
    return exitCode.ok;
  }
  const folder = resolve(call.settings.typedFrom, out);
  const there = [...draft.keys()].find((file) => existsSync(join(folder, file)));
  if (there !== undefined)
    throw new EngineError(
      'rejected',
      'FILE_EXISTS',
      `${join(out, there)} is there already; choose another --name`,
    );
  for (const [file, text] of draft) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
    if (!call.json) call.terminal.out(`written: ${join(out, file)}`);
  }
  if (!call.json) {
    const todo = [...draft.values()].join('\n').split(doubt).length - 1;
    call.terminal.out(`${todo} ${doubt} to look at; then: suture validate ${out}`);
  }
  return exitCode.ok;
}

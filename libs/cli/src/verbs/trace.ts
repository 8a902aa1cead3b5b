import { parsePosition } from '#kernel';
import { type Found, findMessages } from '../find-messages.js';
import { type MessageLine, messageFacts, messageLines } from '../message-facts.js';
import { messageRows, storyLines } from '../message-facts-text.js';
import { withDatabase } from '../open-database.js';
import { counted } from '../time-text.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

const DEFAULT_LIMIT = 20;

export const trace: Verb = {
  usage: '<id>',
  about: [
    'Shows what happened to one message, step by step, with times: received, journaled, acknowledged, transformed,',
    'stored, delivered to each destination, anchored. <id> is any of: control id (MSH-10), journal position',
    '(lane-partition-seq), FHIR id or Type/id, patient identifier (value or system|value). When several messages match',
    'they are listed, newest first. Nothing of the content is shown but type and control id.',
  ],
  options: {
    limit: {
      type: 'string',
      short: 'n',
      value: '<count>',
      about: `list at most so many; default ${DEFAULT_LIMIT}`,
    },
  },
  exits: { ok: 'found', no: 'no message matches' },
  examples: [
    'trace MSG00012',
    'trace 0-17-42',
    'trace Observation/8a4f...',
    "trace 'urn:oid:2.16.840.1.113883.19.5|MRN-004711'",
  ],
  run: async (call) => {
    const id = call.arguments.onlyWord('id');
    const limit = call.arguments.count('limit', 1, 1_000) ?? DEFAULT_LIMIT;
    return withDatabase(call.settings, async (database) => {
      const found = (await findMessages(database, id, limit + 1)).slice(0, limit + 1);
      const [only] = found;
      if (only === undefined) return notFound(call, id);
      if (found.length > 1) {
        const lines = await messageLines(
          database,
          found.map((one) => one.position),
        );
        return list(call, id, found, lines, limit);
      }
      const facts = await messageFacts(database, only.position);
      if (facts === undefined) return notFound(call, id);
      if (call.json) call.terminal.out(JSON.stringify({ foundBy: only.by, message: facts }));
      else for (const line of storyLines(facts, Date.now(), call.terminal)) call.terminal.out(line);
      return exitCode.ok;
    });
  },
};

function notFound({ terminal, json }: Call, id: string): ExitCode {
  if (json) terminal.out(JSON.stringify({ messages: [] }));
  else {
    terminal.note(`No message is known under '${id}'.`);
    terminal.note(
      parsePosition(id) === undefined
        ? 'It may have been refused (its acknowledgment says so), or it went to another engine: see DATABASE_URL and SUTURE_DATA_DIR.'
        : 'The journal has no message at this position.',
    );
  }
  return exitCode.no;
}

function list(
  call: Call,
  id: string,
  found: readonly Found[],
  lines: readonly MessageLine[],
  limit: number,
): ExitCode {
  const { terminal, json } = call;
  const more = lines.length > limit;
  const shown = lines.slice(0, limit);
  if (json) {
    terminal.out(
      JSON.stringify({ foundBy: [...new Set(found.map((one) => one.by))], messages: shown, more }),
    );
    return exitCode.ok;
  }
  const how = [...new Set(found.map((one) => one.by))].join(' or ');
  terminal.out(
    `${more ? 'more than ' : ''}${counted(shown.length, 'message')} for '${id}' (${how}), newest first:`,
  );
  for (const row of messageRows(shown, terminal)) terminal.out(row);
  terminal.out(
    `One of them: suture trace ${shown[0]?.position ?? ''}${more ? '   More of them: --limit' : ''}`,
  );
  return exitCode.ok;
}

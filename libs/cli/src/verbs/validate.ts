import { join, resolve } from 'node:path';
import { type FileProblem, loadChannels } from '#channel';
import { MappingLibrary } from '#mapping';
import { TopicCatalog } from '#topics';
import { acceptProblems } from '../accept-problems.js';
import type { Arguments } from '../arguments.js';
import { conditionProblems } from '../condition-problems.js';
import { checkLayers } from '../layer-check.js';
import { folderLayout, shownPath } from '../mapping-folder.js';
import { counted } from '../time-text.js';
import { type Call, exitCode, type Verb } from '../verb.js';

export const validate: Verb = {
  usage: '[folder]',
  about: [
    'Reads the channel files and compiles the mappings, as the engine does at its start, and prints every problem as',
    'file:line:column CODE message - remedy. Without a folder: SUTURE_CHANNELS (mappings/channels) and mappings/.',
    'With one: <folder>/channels (or, if it holds channel files itself, the folder) and the mappings under it.',
  ],
  options: {},
  exits: { ok: 'nothing to complain about', no: 'there are problems' },
  examples: ['validate', 'validate site/mappings', 'validate --json'],
  run: async (call) => {
    const { channels, maps, problems } = await check(call);
    if (call.json) {
      call.terminal.out(JSON.stringify({ valid: problems.length === 0, channels, maps, problems }));
      return problems.length === 0 ? exitCode.ok : exitCode.no;
    }
    for (const { file, line, column, code, message, remedy } of problems) {
      const place = line > 0 ? `${file}:${line}:${column}` : file;
      call.terminal.out(`${place} ${call.terminal.paint('bad', code)} ${message} - ${remedy}`);
    }
    const good = `${counted(channels.length, 'channel')} and ${counted(maps.length, 'message map')} are good`;
    const files = new Set(problems.map((problem) => problem.file)).size;
    call.terminal.out(
      problems.length === 0
        ? good
        : `${counted(problems.length, 'problem')} in ${counted(files, 'file')}; ${good}`,
    );
    return problems.length === 0 ? exitCode.ok : exitCode.no;
  },
};

/** Channels and mappings with all their problems; files as a person in the typed folder would name them. */
async function check(
  call: Call,
): Promise<{ channels: string[]; maps: readonly string[]; problems: FileProblem[] }> {
  const layout = await folderLayout(call.settings, folderWord(call.arguments));
  const nameOf = (path: string) => shownPath(call.settings, path);
  const loaded = await loadChannels(layout.channels, call.settings.environment);
  const library = new MappingLibrary(layout.mappings);
  const conditions = [
    ...conditionProblems(library, loaded.channels),
    ...(await acceptProblems(layout.channels, library, loaded.channels)),
  ];
  const mappings = checkLayers(library, loaded.channels);
  const problems = [
    ...[...loaded.problems, ...conditions, ...mappings.channelProblems].map((problem) => ({
      ...problem,
      file: nameOf(problem.file),
    })),
    ...TopicCatalog.open(join(layout.mappings, 'topics')).problems.map((problem) => ({
      ...problem,
      file: nameOf(problem.file),
    })),
    ...mappings.errors.map((problem) => ({
      ...problem,
      file: nameOf(resolve(layout.mappings, problem.file)),
    })),
  ];
  const broken = new Set([...conditions, ...mappings.channelProblems].map((problem) => problem.channel));
  return {
    channels: loaded.channels.map(({ channel }) => channel).filter((channel) => !broken.has(channel)),
    maps: mappings.maps,
    problems,
  };
}

function folderWord(words: Arguments): string | undefined {
  return words.words.length === 0 ? undefined : words.onlyWord('folder');
}

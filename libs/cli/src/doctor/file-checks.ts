import { loadChannels } from '#channel';
import { MappingLibrary } from '#mapping';
import { conditionProblems } from '../condition-problems.js';
import { checkLayers } from '../layer-check.js';
import type { CommandSettings } from '../settings.js';
import { counted } from '../time-text.js';
import { type Finding, fail, ok } from './finding.js';

const REMEDY = 'suture validate names file, line and what to do';

/** Channel files and mappings load. What is wrong in them stands in `suture validate`. */
export async function checkFiles(settings: CommandSettings): Promise<Finding[]> {
  const { channels, problems } = await loadChannels(settings.channelsDirectory, settings.environment);
  const library = new MappingLibrary(settings.mappingsDirectory);
  const { maps, errors, channelProblems } = checkLayers(library, channels);
  const inFilters = conditionProblems(library, channels).length;
  const inChannels = problems.length + channelProblems.length + inFilters;
  return [
    inChannels === 0
      ? ok('channel files', `${counted(channels.length, 'channel')} in ${settings.channelsDirectory}`)
      : fail(
          'channel files',
          `${counted(inChannels, 'problem')}; channels in those files do not run`,
          REMEDY,
        ),
    errors.length === 0
      ? ok('mappings', `${counted(maps.length, 'message map')} in ${settings.mappingsDirectory}`)
      : fail(
          'mappings',
          `${counted(errors.length, 'problem')}; messages of those maps become dead letters`,
          REMEDY,
        ),
  ];
}

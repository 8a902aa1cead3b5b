import { fileURLToPath } from 'node:url';
import { readSettings, runCommand, systemTerminal } from '#cli';

// `npm run suture -- send x`, `node run.mjs cli send x` and the installed `suture send x` are the same command.
const [, script = '', ...words] = process.argv;
const argv = script.endsWith('run.mjs') && words[0] === 'cli' ? words.slice(1) : words;

// As for the engine, settings name their files from the folder of the installation, wherever the command was given.
const installation = fileURLToPath(new URL('../../../..', import.meta.url));
const settings = readSettings(process.env, installation, process.cwd());
process.exitCode = await runCommand(argv, systemTerminal(), settings);

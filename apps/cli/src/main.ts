import { readSettings, runCommand, systemTerminal } from '#cli';

// `node run.mjs cli send x` and `node dist/apps/cli/src/main.js send x` are the same command.
const [, script = '', ...words] = process.argv;
const argv = script.endsWith('run.mjs') && words[0] === 'cli' ? words.slice(1) : words;

const terminal = systemTerminal();
process.exitCode = await runCommand(argv, terminal, readSettings(process.env, process.cwd()));

export { runCommand } from './run-command.js';
export { type CommandSettings, readSettings } from './settings.js';
export { systemTerminal, type Terminal } from './terminal.js';

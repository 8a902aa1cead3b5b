import type { Arguments, OptionSpecs } from './arguments.js';
import type { CommandSettings } from './settings.js';
import type { Terminal } from './terminal.js';

/** What a command's exit code says; scripts branch on it, so the numbers never change. */
export const exitCode = {
  /** Done, and the answer is yes. */
  ok: 0,
  /** Done, and the answer is no: refused, not found, changed, invalid. */
  no: 1,
  /** The command was not understood. */
  usage: 2,
  /** It could not be done: something is not reachable, not configured, or failed. */
  failed: 3,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Everything one command line needs. Verbs take nothing from the process by themselves. */
export interface Call {
  readonly arguments: Arguments;
  /** Machine-readable output was asked for. */
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly settings: CommandSettings;
}

/** One word after `suture`. */
export interface Verb {
  /** After the name: `<file or folder>...`. */
  readonly usage: string;
  /** A few lines for --help: what it does, what it needs, what it leaves alone. */
  readonly about: readonly string[];
  readonly options: OptionSpecs;
  /** What 0 and 1 mean for this verb; 2 and 3 mean the same for all. */
  readonly exits: { readonly ok: string; readonly no?: string };
  readonly examples: readonly string[];
  run(call: Call): Promise<ExitCode>;
}

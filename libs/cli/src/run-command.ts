import { isEngineError } from '#kernel';
import { Arguments, UsageError } from './arguments.js';
import { everyVerbsOptions, generalHelp, verbHelp } from './help.js';
import type { CommandSettings } from './settings.js';
import type { Terminal } from './terminal.js';
import { type ExitCode, exitCode } from './verb.js';
import { verbs } from './verbs.js';

/**
 * Runs one command line (`argv` without program: verb, options, words) and resolves with its exit code. Never rejects:
 * what goes wrong is told on the terminal.
 */
export async function runCommand(
  argv: readonly string[],
  terminal: Terminal,
  settings: CommandSettings,
): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    for (const line of generalHelp(verbs)) terminal.out(line);
    return exitCode.ok;
  }
  const entry = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (entry === undefined) {
    terminal.note(`suture: there is no verb '${name}'${suggestion(name)}. All verbs: suture --help`);
    return exitCode.usage;
  }
  try {
    const verb = await entry.load();
    const words = Arguments.read(rest, { ...verb.options, ...everyVerbsOptions });
    if (words.has('help')) {
      for (const line of verbHelp(name, verb)) terminal.out(line);
      return exitCode.ok;
    }
    return await verb.run({ arguments: words, json: words.has('json'), terminal, settings });
  } catch (error) {
    return told(name, error, terminal);
  }
}

function told(name: string, error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof UsageError) {
    terminal.note(`suture ${name}: ${error.message}. Help: suture ${name} --help`);
    return exitCode.usage;
  }
  if (isEngineError(error)) {
    terminal.note(`suture ${name}: ${error.message} [${error.code}]`);
    return isEngineError(error, 'rejected', 'denied') ? exitCode.no : exitCode.failed;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.note(`suture ${name}: this should not have happened; please report it.\n${text}`);
  return exitCode.failed;
}

/** The verb that was probably meant: it begins alike, or has the same letters but for one or two. */
function suggestion(name: string): string {
  const near = Object.keys(verbs).find(
    (verb) => name.length > 1 && (verb.startsWith(name.slice(0, 3)) || strayLetters(verb, name) <= 2),
  );
  return near === undefined ? '' : `; did you mean '${near}'?`;
}

/** How many letters one word has and the other has not. */
function strayLetters(one: string, other: string): number {
  const rest = Array.from(other);
  let stray = 0;
  for (const letter of one) {
    const at = rest.indexOf(letter);
    if (at < 0) stray++;
    else rest.splice(at, 1);
  }
  return stray + rest.length;
}

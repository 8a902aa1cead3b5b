import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../load/bench-messages.js';
import { cleanEnvironment, type Environment } from './app-process.js';

export interface CommandResult {
  readonly code: number | null;
  /** Standard output: one JSON value per line. */
  readonly lines: readonly unknown[];
  readonly notes: string;
}

/** Runs `suture <words> --json` as a process of its own. */
export async function suture(
  words: readonly string[],
  environment: Environment,
  workingDirectory: string,
): Promise<CommandResult> {
  const child = spawn(
    process.execPath,
    [join(repositoryRoot, 'dist/apps/cli/src/main.js'), ...words, '--json'],
    {
      cwd: workingDirectory,
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let notes = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    notes += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = out.split('\n').filter((line) => line !== '');
  try {
    return { code, lines: lines.map((line): unknown => JSON.parse(line)), notes };
  } catch {
    throw new Error(`suture ${words.join(' ')} printed something else than JSON:\n${out}\n${notes}`);
  }
}

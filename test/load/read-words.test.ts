import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from './bench-messages.js';

function run(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repositoryRoot, 'run.mjs'), ...words],
    {
      encoding: 'utf8',
    },
  );
  return { status, stdout, stderr };
}

describe('npm run bench and npm run prove', () => {
  test.each(['bench', 'prove'])('%s --help tells the usage and does nothing', (name) => {
    expect(run(name, '--help')).toEqual({
      status: 0,
      stdout: expect.stringContaining(`npm run ${name} [-- `),
      stderr: '',
    });
  });

  test.each(['bench', 'prove'])('%s with a word it does not know tells so in a sentence', (name) => {
    const { status, stderr } = run(name, '--qick');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Unknown option '--qick'[^]*npm run/);
    expect(stderr).not.toContain('    at ');
  });
});

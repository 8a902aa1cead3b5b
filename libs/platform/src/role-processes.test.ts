import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { RoleProcesses } from './role-processes.js';

const programs: Record<string, string> = {
  steady: 'setInterval(() => {}, 1e6)',
  short: 'setTimeout(() => process.exit(1), 50)',
  misconfigured: 'process.exit(2)',
  stubborn: "process.on('SIGTERM', () => setTimeout(() => process.exit(0), 100)); setInterval(() => {}, 1e6)",
};

const started: { name: string; child: ChildProcess }[] = [];
const said: string[] = [];

function processes(): RoleProcesses {
  const start = (name: string, role: string) => {
    const child = spawn(process.execPath, ['-e', programs[role] ?? ''], { stdio: 'ignore' });
    started.push({ name, child });
    return child;
  };
  return new RoleProcesses({}, start, (text) => said.push(text));
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 20_000;
  while (!isTrue()) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true in time');
    await sleep(10);
  }
}

afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
  said.length = 0;
});

describe('roles as processes', () => {
  test('a role that dies, by itself or by kill -9, is started again', async () => {
    const roles = processes();
    roles.add('transform-1', 'steady', {});
    roles.add('deliver', 'short', {});
    const first = roles.pids()['transform-1'] ?? 0;
    process.kill(first, 'SIGKILL');
    await until(() => started.filter(({ name }) => name === 'transform-1').length === 2);
    await until(() => started.filter(({ name }) => name === 'deliver').length >= 2);
    expect(roles.pids()['transform-1']).not.toBe(first);
    await roles.stop();
    expect(roles.pids()).toEqual({});
    expect(said.join('\n')).toContain('transform-1 ended (SIGKILL)');
  });

  test('a role that is misconfigured is not started again: a person must act', async () => {
    const roles = processes();
    roles.add('api', 'misconfigured', {});
    expect(await roles.failed).toContain('api is misconfigured');
    expect(started).toHaveLength(1);
    await roles.stop();
  });

  test('stopping waits for what takes its time, and starts nothing again', async () => {
    const roles = processes();
    roles.add('anchor', 'stubborn', {});
    roles.add('api', 'short', {});
    await until(() => said.some((text) => text.startsWith('api ended')));
    await roles.stop();
    const count = started.length;
    expect(roles.pids()).toEqual({});
    // Longer than the pause after which the dead one would have come back.
    await sleep(600);
    expect(started).toHaveLength(count);
  });
});

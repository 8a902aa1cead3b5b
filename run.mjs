#!/usr/bin/env node
// The door of a clean clone: installs what is missing, builds what is stale, then runs the program in this very process,
// so that signals reach it. Plain Node without dependencies, because it runs before there are any.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const buildLockWaitMs = 120_000;

const say = (text) => process.stderr.write(`${text}\n`);

/** Installs the dependencies when they are missing or the lockfile is newer; without install scripts: none are needed. */
export function ensureInstalled() {
  const installed = inRoot('node_modules', '.package-lock.json');
  const stale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(inRoot('package-lock.json')).mtimeMs;
  if (!stale) return;
  say('installing dependencies (npm ci --ignore-scripts); this happens once and takes a minute or so ...');
  const startedMs = Date.now();
  const npm = process.env.npm_execpath;
  const [program, ...args] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(program, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) fail('the installation failed; the reason is above. A network or a filled npm cache is needed once.');
  say(`installed in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
}

/** Builds into dist when the sources differ from those of the last build. Several callers at once build once. */
export async function ensureBuilt() {
  const stampPath = inRoot('dist', '.built');
  const isFresh = () => existsSync(stampPath) && readFileSync(stampPath, 'utf8') === sourceStamp();
  if (isFresh()) return;
  mkdirSync(inRoot('dist'), { recursive: true });
  const lock = inRoot('dist', '.building');
  const deadlineMs = Date.now() + buildLockWaitMs;
  while (!tryLock(lock)) {
    if (Date.now() > deadlineMs) fail(`another build seems to run; if not, remove ${lock}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  try {
    if (isFresh()) return;
    const stamp = sourceStamp();
    const startedMs = Date.now();
    const nest = inRoot('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    const result = spawnSync(process.execPath, [nest, 'build'], { cwd: root, encoding: 'utf8' });
    if (result.status !== 0) fail(`the build failed:\n${result.stdout}${result.stderr}`);
    writeFileSync(stampPath, stamp);
    say(`built in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Names, sizes and times of everything that is compiled: cheap, and it notices a removed file too. */
function sourceStamp() {
  const hash = createHash('sha256').update(process.version);
  const visit = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (/\.(?:m?ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts')) hash.update(factsOf(path));
    }
  };
  for (const directory of ['apps', 'libs', 'test']) if (existsSync(inRoot(directory))) visit(inRoot(directory));
  for (const file of ['package.json', 'nest-cli.json', '.swcrc', 'tsconfig.build.json']) hash.update(factsOf(inRoot(file)));
  return hash.digest('hex');
}

function factsOf(path) {
  const { size, mtimeMs } = statSync(path);
  return `${path.slice(root.length)} ${size} ${mtimeMs}\n`;
}

/** A lock whose owner died counts as free. */
function tryLock(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    try {
      process.kill(Number(readFileSync(path, 'utf8')), 0);
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(path, { force: true });
    }
    return false;
  }
}

function fail(text) {
  say(text);
  process.exit(1);
}

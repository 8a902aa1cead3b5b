#!/usr/bin/env node
// The door of a clean clone: installs what is missing, builds what is stale, then runs the program in this very process,
// so that signals reach it. Plain Node without dependencies, because it runs before there are any.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import module from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const oldestNode = [20, 19];
const root = dirname(fileURLToPath(import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const buildLockWaitMs = 120_000;

const roles = ['engine', 'ingest', 'transform', 'deliver', 'anchor', 'api'];
const say = (text) => process.stderr.write(`${text}\n`);

/** Installs the dependencies when they are missing or the lockfile is newer; without install scripts: none are needed. */
export function ensureInstalled() {
  const installed = inRoot('node_modules', '.package-lock.json');
  const stale =
    !existsSync(installed) || statSync(installed).mtimeMs < statSync(inRoot('package-lock.json')).mtimeMs;
  if (!stale) return;
  say('installing dependencies (npm ci --ignore-scripts); this happens once and takes a minute or so ...');
  const startedMs = Date.now();
  const npm = process.env.npm_execpath;
  const [program, ...args] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(
    program,
    [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  if (result.status !== 0)
    fail('the installation failed; the reason is above. A network or a filled npm cache is needed once.');
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
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (/\.(?:m?ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
        hash.update(factsOf(path));
    }
  };
  for (const directory of ['apps', 'libs', 'test'])
    if (existsSync(inRoot(directory))) visit(inRoot(directory));
  for (const file of ['package.json', 'nest-cli.json', '.swcrc', 'tsconfig.build.json'])
    hash.update(factsOf(inRoot(file)));
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

const bin = (name, ...path) => inRoot('node_modules', name, ...path);
const jest = [bin('jest', 'bin', 'jest.js'), '--config', 'jest.config.mjs'];

/** What has to hold beside the tests. The slow ones first, so that two at a time end soonest. */
const checks = [
  { name: 'lint', command: [bin('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', '.'] },
  { name: 'types', command: [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json', '--noEmit'] },
  {
    name: 'layers',
    command: [
      bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'libs',
      'apps',
      'test',
    ],
  },
  { name: 'dead-code', command: [bin('knip', 'bin', 'knip.js')] },
  // Needs no database, so the test run's server is not started for it.
  { name: 'house', command: [...jest, 'test/house'], environment: { SUTURE_TEST_DATABASE_URL: 'none' } },
  { name: 'format', command: [bin('@biomejs/biome', 'bin', 'biome'), 'ci', '--colors=off'] },
  { name: 'mapping-tests', command: [inRoot('dist', 'apps', 'cli', 'src', 'main.js'), 'test'] },
];
const checksAtATime = 2;

/** Runs every check, tells one line about each, and shows what a failed one said. */
async function check() {
  const startedMs = Date.now();
  const waiting = [...checks];
  let failed = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { status, output, seconds } = await runNode(next.command, next.environment);
      if (status !== 0) {
        failed += 1;
        process.stdout.write(`${output.trimEnd()}\n`);
      }
      process.stdout.write(
        `check: ${next.name} ${status === 0 ? 'passed' : 'failed'} (${seconds.toFixed(1)} s)\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: checksAtATime }, worker));
  const passed = checks.length - failed;
  process.stdout.write(
    `${passed} passed, ${failed} failed (${((Date.now() - startedMs) / 1000).toFixed(0)} s)\n`,
  );
  return failed === 0 ? 0 : 1;
}

/** All tests that need nothing outside. Words behind it go to Jest: `npm test -- libs/hl7v2`. */
async function test(words) {
  const results = inRoot('node_modules', '.cache', `test-results-${process.pid}.json`);
  mkdirSync(dirname(results), { recursive: true });
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', '--no-warnings', ...jest, '--json', `--outputFile=${results}`, ...words],
    {
      cwd: root,
      // Jest's report goes to stderr; with --json its stdout would repeat it as JSON.
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  const isStuck = endsAfterResults(child, results);
  const status = await new Promise((done) => {
    child.on('exit', (code) => done(code ?? 1));
  });
  if (!existsSync(results)) return status;
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, success } = JSON.parse(
    readFileSync(results, 'utf8'),
  );
  rmSync(results);
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed\n`);
  return isStuck() ? Number(!success) : status;
}

const endsWithinMs = 30_000;

/** Kills a run that has written its results and still does not end. The teardown of Jest ends it sooner and says why it must. */
function endsAfterResults(child, results) {
  let writtenMs;
  let isStuck = false;
  const look = setInterval(() => {
    writtenMs ??= existsSync(results) ? Date.now() : undefined;
    if (writtenMs === undefined || Date.now() - writtenMs < endsWithinMs) return;
    isStuck = true;
    say(`the tests are over, but their process has not ended for ${endsWithinMs / 1000} s; it is killed`);
    child.kill('SIGKILL');
    clearInterval(look);
  }, 500);
  child.on('exit', () => clearInterval(look));
  return () => isStuck;
}

/** Runs a Node program to its end and keeps what it says. */
function runNode(command, environment = {}) {
  const startedMs = Date.now();
  const env = {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
    FORCE_COLOR: '0',
    ...environment,
  };
  const child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((done) => {
    child.on('close', (status) => done({ status, output, seconds: (Date.now() - startedMs) / 1000 }));
  });
}

const built = (...parts) => import(pathToFileURL(inRoot('dist', ...parts)).href);

async function main(name, words) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    fail(
      `Suture needs Node ${oldestNode.join('.')} or newer; this is ${process.version}. Get it from nodejs.org or a version manager.`,
    );
  }
  // From Node 22 on compiled code is kept between starts.
  module.enableCompileCache?.();
  ensureInstalled();
  if (name !== 'check' || existsSync(inRoot('apps'))) await ensureBuilt();
  if (roles.includes(name)) {
    // Settings name their files from here, wherever the command was given.
    process.chdir(root);
    await built('apps', name, 'src', 'main.js');
  } else if (name === 'check') process.exitCode = await check();
  else if (name === 'test') process.exitCode = await test(words);
  else if (name === 'distributed') {
    process.chdir(root);
    await (await built('libs', 'platform', 'src', 'distributed.js')).runDistributed(words);
  } else if (name === 'bench')
    process.exitCode = (await (await built('test', 'load', 'bench.js')).bench(words)) ?? 0;
  else if (name === 'prove')
    process.exitCode = (await (await built('test', 'faults', 'prove.js')).prove(words)) ?? 0;
  else if (name === 'conformance')
    process.exitCode = await (await built('test', 'conformance', 'conformance.js')).conformance(words);
  else await built('apps', 'cli', 'src', 'main.js');
}

/** `npm start` and its like name a command; the installed program `suture` is the command line alone. */
const script = process.argv[1];
if (script !== undefined && existsSync(script) && realpathSync(script) === fileURLToPath(import.meta.url)) {
  const [word = 'help', ...rest] = process.argv.slice(2);
  await main(basename(script) === 'suture' ? 'cli' : word, rest);
}

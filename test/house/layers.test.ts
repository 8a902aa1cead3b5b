import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { libraries, readRepository, repositoryRoot } from './repository.js';

interface Layers {
  readonly rows: readonly { readonly name: string; readonly libraries: readonly string[] }[];
}
const layers = createRequire(import.meta.url)('../../libs/layers.cjs') as Layers;

/** A small repository that keeps every import rule, and one file for each way to break one. */
const good: Record<string, string> = {
  'libs/kernel/src/index.ts': "export { clock } from './clock.js';",
  'libs/kernel/src/clock.ts': 'export const clock = 1;',
  'libs/database/src/index.ts': "export { open } from './open.js';",
  'libs/database/src/open.ts':
    "import pg from 'pg';\nimport { clock } from '#kernel';\nexport const open = [pg, clock];",
  'libs/database/testing/test-database.ts': "export { open } from '#database';",
  'libs/fhir/src/index.ts': 'export const fhir = 1;',
  'libs/journal/src/index.ts': "import { open } from '#database';\nexport const journal = open;",
  'libs/journal/src/journal.test.ts':
    "import '../../database/testing/test-database.js';\nimport './index.js';",
  'libs/queue/src/index.ts': "import { Queue } from 'bullmq';\nexport const queue = Queue;",
  'libs/api/src/index.ts': "import { Module } from '@nestjs/common';\nexport const api = Module;",
  'libs/platform/src/index.ts': "import { api } from '#api';\nexport const platform = api;",
  'apps/engine/src/main.ts': "import { platform } from '#platform';\nvoid platform;",
};

const breaches: readonly (readonly [rule: string, path: string, text: string])[] = [
  ['layer-0-kernel', 'libs/kernel/src/up.ts', "import '#database';"],
  ['layer-1-database', 'libs/database/src/sideways.ts', "import '#fhir';"],
  ['layer-1-fhir', 'libs/fhir/src/upwards.ts', "import '#journal';"],
  [
    'layer-1-fhir',
    'libs/fhir/src/upwards-type.ts',
    "import type { journal } from '#journal';\nexport type J = typeof journal;",
  ],
  ['layer-2-verify', 'libs/verify/src/server.ts', "import '#fhir';"],
  ['layer-3-journal', 'libs/journal/src/late.ts', "export const late = () => import('#queue');"],
  ['layer-6-api', 'libs/api/src/back.ts', "import '#platform';"],
  ['sql-only-in-database', 'libs/journal/src/sql.ts', "import pg from 'pg';\nexport const p = pg;"],
  [
    'bullmq-only-in-queue',
    'libs/journal/src/job.ts',
    "import type { Job } from 'bullmq';\nexport type J = Job;",
  ],
  [
    'nest-only-at-the-edge',
    'libs/journal/src/nest.ts',
    "import { Module } from '@nestjs/common';\nexport const m = Module;",
  ],
  ['every-library-has-a-row', 'libs/unknown/src/index.ts', "import '#kernel';"],
  ['index-only', 'libs/journal/src/deep.ts', "import '../../kernel/src/clock.js';"],
  ['index-only-from-outside', 'apps/engine/src/deep.ts', "import '../../../libs/kernel/src/clock.js';"],
  ['testing-stays-in-tests', 'libs/journal/src/lazy.ts', "import '../../database/testing/test-database.js';"],
  ['no-app-imports-an-app', 'apps/ingest/src/main.ts', "import '../../engine/src/main.js';"],
  [
    'no-development-packages-in-what-ships',
    'libs/kernel/src/dev.ts',
    "import fc from 'fast-check';\nexport const f = fc;",
  ],
  ['no-circle', 'libs/kernel/src/circle-back.ts', "import './circle.js';"],
  ['every-import-is-found', 'libs/kernel/src/lost.ts', "import './nowhere.js';"],
];

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Every violation as `rule path`. */
function cruise(): Set<string> {
  const program = join(repositoryRoot, 'node_modules/.bin/depcruise');
  const options = ['apps', 'libs', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const run = spawnSync(process.execPath, [program, ...options], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const result = JSON.parse(run.stdout) as {
    summary: { violations: { rule: { name: string }; from: string }[] };
  };
  return new Set(result.summary.violations.map(({ rule, from }) => `${rule.name} ${from}`));
}

describe('the import rules', () => {
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'import-rules-'));
    symlinkSync(join(repositoryRoot, 'node_modules'), join(root, 'node_modules'));
    for (const file of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs'])
      cpSync(join(repositoryRoot, file), join(root, file));
    mkdirSync(join(root, 'libs'));
    cpSync(join(repositoryRoot, 'libs/layers.cjs'), join(root, 'libs/layers.cjs'));
    for (const [path, text] of Object.entries(good)) write(path, text);
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  test('a repository that keeps the layers passes', () => {
    expect(cruise()).toEqual(new Set());
  });

  test('every kind of forbidden import is caught, and nothing else', () => {
    for (const [, path, text] of breaches) write(path, text);
    write('libs/kernel/src/circle.ts', "import './circle-back.js';");
    expect(cruise()).toEqual(new Set(breaches.map(([rule, path]) => `${rule} ${path}`)));
  });
});

describe('the table of layers', () => {
  test('it names each library once', () => {
    const named = layers.rows.flatMap((row) => row.libraries);
    expect(new Set(named).size).toBe(named.length);
  });

  test('it names every library that has code', () => {
    const named = new Set(layers.rows.flatMap((row) => row.libraries));
    expect(libraries(readRepository()).filter((library) => !named.has(library))).toEqual([]);
  });
});

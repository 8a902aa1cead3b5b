/**
 * The layers, as data (house rules, section 2). A library may import only from a lower row: never sideways, never
 * upwards. A new library is a new word in this table, before its first file. Read by .dependency-cruiser.cjs and by
 * test/house; change the law here and nowhere else.
 */
'use strict';

/** Row 0 first; a place in the array is a row. Names without a folder are reserved for what comes later. */
const rows = [
  { name: 'kernel', libraries: ['kernel'] },
  {
    name: 'formats and ground',
    libraries: ['hl7v2', 'cda', 'csv', 'fhir', 'merkle', 'database', 'declaration', 'telemetry'],
  },
  { name: 'language', libraries: ['mapping', 'channel', 'search', 'verify', 'fhirxml', 'validation'] },
  { name: 'state', libraries: ['journal', 'queue', 'store', 'delivery', 'topics'] },
  { name: 'guards', libraries: ['access', 'identity'] },
  {
    name: 'services',
    libraries: ['connectors', 'pipeline', 'subscriptions', 'bulk', 'ledger', 'wallet', 'record'],
  },
  { name: 'wiring and edge', libraries: ['platform', 'api'] },
  { name: 'hand tools', libraries: ['cli'] },
];

/** The one sideways import: platform builds the Nest modules, and api's controllers are among them. */
const sideways = [{ from: 'platform', to: 'api' }];

/** Libraries that stand almost alone: who distrusts the server need not trust its code to check a proof. */
const alone = [{ library: 'verify', may: ['merkle', 'kernel'] }];

/** Packages that only some places may import. `only` holds regular expressions over paths from the repository root. */
const guarded = [
  { name: 'sql-only-in-database', packages: ['pg', '@types/pg'], only: ['^libs/database/'] },
  { name: 'bullmq-only-in-queue', packages: ['bullmq', 'ioredis'], only: ['^libs/queue/'] },
  {
    name: 'nest-only-at-the-edge',
    packages: ['@nestjs/[^/]+', 'reflect-metadata'],
    only: ['^libs/(platform|api)/', '^apps/', '[.]module[.]ts$'],
  },
];

/** Names that say nothing. A function without a home belongs to the noun of its first parameter. */
const forbiddenNames = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'misc',
  'core',
  'manager',
  'base',
];

/** `#lib` means the sources of libs/lib, for tools that resolve as webpack does; Node and tsc read package.json. */
const resolve = {
  alias: { '#*': `${__dirname}/*/src/index.ts` },
  extensionAlias: { '.js': ['.ts', '.js'], '.cjs': ['.cts', '.cjs'], '.mjs': ['.mts', '.mjs'] },
  exportsFields: ['exports'],
  conditionNames: ['import', 'require', 'node', 'default', 'types'],
};

module.exports = { rows, sideways, alone, guarded, forbiddenNames, resolve };

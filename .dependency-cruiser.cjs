/** The import rules. The layers themselves are data: libs/layers.cjs. Run by `npm run check`, proved by test/house. */
'use strict';

const { rows, sideways, alone, guarded } = require('./libs/layers.cjs');

const known = rows.flatMap((row) => row.libraries);
const folder = (libraries) => `^libs/(${libraries.join('|')})/`;

/** One rule per library: everything that is not itself and not in a lower row is out of reach. */
function layerRules() {
  return rows.flatMap((row, index) =>
    row.libraries.map((library) => {
      const own = alone.find((exception) => exception.library === library)?.may;
      const lower = own ?? rows.slice(0, index).flatMap((below) => below.libraries);
      const also = sideways
        .filter((exception) => exception.from === library)
        .map((exception) => exception.to);
      return {
        name: `layer-${index}-${library}`,
        comment: `${library} stands in row ${index} (${row.name}): it may import only from lower rows.`,
        severity: 'error',
        from: { path: folder([library]) },
        to: { path: '^(libs|apps|test)/', pathNot: folder([library, ...lower, ...also]) },
      };
    }),
  );
}

/** Guarded packages, wherever npm has put them. */
function guardRules() {
  return guarded.map(({ name, packages, only }) => ({
    name,
    comment: `${packages.join(', ')}: only in ${only.join(', ')}.`,
    severity: 'error',
    from: { path: '^(libs|apps|test)/', pathNot: only },
    to: { path: `(^|node_modules/)(${packages.join('|')})(/|$)` },
  }));
}

module.exports = {
  forbidden: [
    ...layerRules(),
    ...guardRules(),
    {
      name: 'every-library-has-a-row',
      comment: 'A library is a word in libs/layers.cjs before its first file.',
      severity: 'error',
      from: { path: '^libs/[^/]+/', pathNot: folder(known) },
      to: {},
    },
    {
      name: 'index-only',
      comment: 'Another library is its index: import #lib, never a file inside it.',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: {
        path: '^libs/[^/]+/',
        pathNot: ['^libs/$1/', '^libs/[^/]+/src/index[.]ts$', '^libs/[^/]+/testing/'],
      },
    },
    {
      name: 'index-only-from-outside',
      comment: 'Apps and tests see a library as its index (tests also as its testing/).',
      severity: 'error',
      from: { path: '^(apps|test)/' },
      to: { path: '^libs/[^/]+/', pathNot: ['^libs/[^/]+/src/index[.]ts$', '^libs/[^/]+/testing/'] },
    },
    {
      name: 'testing-stays-in-tests',
      comment: 'What ships never imports what only tests need.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: ['[.]test[.]ts$', '^libs/[^/]+/testing/'] },
      to: { path: ['[.]test[.]ts$', '^libs/[^/]+/testing/', '^test/'] },
    },
    {
      name: 'no-app-imports-an-app',
      comment: 'An app is a list of libraries; what two apps need is a library.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'no-development-packages-in-what-ships',
      comment: 'A devDependency is not there after `npm ci --omit=dev`.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: ['[.]test[.]ts$', '^libs/[^/]+/(testing|generate)/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-circle',
      comment: 'A circle has no first file to read.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every-import-is-found',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: ['^dist/', '^test/fixtures/'] },
    // Types obey the layers as well: an import that vanishes when compiled still couples two libraries.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    webpackConfig: { fileName: 'libs/layers.cjs' },
    parser: 'tsc',
  },
};

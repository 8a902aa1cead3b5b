import tseslint from 'typescript-eslint';

/** The house measures a file at 300 lines. These are tables or grammars whose reader sees at once why. */
const longFiles = {
  'libs/fhir/src/r4-tables.ts': 'generated: the elements of FHIR R4',
  'libs/search/src/r4-parameters.ts': 'generated: the search parameters of FHIR R4',
  'libs/search/src/ucum-units.ts': 'generated: the units of UCUM',
  'libs/mapping/src/dictionary/v2-tables.ts': 'generated: the HL7 v2 dictionary',
};

/** The house measures a function at 60 lines. These are one decision that reads worse in pieces. */
const longFunctions = {};

/** Bugs that need no types to be seen. */
const findBugs = {
  'array-callback-return': 'error',
  complexity: ['error', 25],
  eqeqeq: ['error', 'always'],
  'max-depth': ['error', 4],
  'max-params': ['error', 5],
  'no-cond-assign': 'error',
  'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
  'no-dupe-else-if': 'error',
  'no-duplicate-case': 'error',
  'no-empty': ['error', { allowEmptyCatch: false }],
  'no-fallthrough': 'error',
  'no-loss-of-precision': 'error',
  'no-self-compare': 'error',
  'no-sparse-arrays': 'error',
  'no-unmodified-loop-condition': 'error',
  'no-unreachable-loop': 'error',
  'no-unsafe-finally': 'error',
  'no-useless-catch': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'use-isnan': 'error',
  'valid-typeof': 'error',
};

/** Bugs that only types show: the reason for this linter and for no faster one. */
const findBugsByType = {
  // a lost promise is a lost error, and here a lost message
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/prefer-promise-reject-errors': 'error',

  // one `any` leaks, and the types behind it are only hope
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-unsafe-argument': 'error',
  '@typescript-eslint/no-unsafe-assignment': 'error',
  '@typescript-eslint/no-unsafe-call': 'error',
  '@typescript-eslint/no-unsafe-member-access': 'error',
  '@typescript-eslint/no-unsafe-return': 'error',
  '@typescript-eslint/no-non-null-assertion': 'error',
  '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],

  // a union names every case; a switch without one of them and without a default forgot it
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { allowDefaultCaseForExhaustiveSwitch: true, considerDefaultExhaustiveForUnions: true },
  ],

  // values that become the wrong text, the wrong order or the wrong `this` without a word
  '@typescript-eslint/no-base-to-string': 'error',
  '@typescript-eslint/restrict-plus-operands': 'error',
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    { allowNumber: true, allowBoolean: true, allowAny: false, allowNullish: false, allowRegExp: false },
  ],
  '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
  '@typescript-eslint/unbound-method': 'error',
  '@typescript-eslint/no-array-delete': 'error',
  '@typescript-eslint/no-for-in-array': 'error',
  '@typescript-eslint/no-implied-eval': 'error',
  '@typescript-eslint/no-misused-spread': 'error',
  '@typescript-eslint/no-deprecated': 'error',
  '@typescript-eslint/no-shadow': ['error', { hoist: 'never' }],
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
};

const holdTheHouse = {
  'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true, IIFEs: true }],
  'no-console': 'error',
  'no-restricted-globals': [
    'error',
    { name: 'fetch', message: 'undici.Pool: nine times faster (measured) and bounded.' },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'TSEnumDeclaration', message: 'A union of strings says the same and leaves nothing behind.' },
    { selector: 'ExportDefaultDeclaration', message: 'A named export: one name for one thing everywhere.' },
  ],
};

const off = (...rules) => Object.fromEntries(rules.map((rule) => [rule, 'off']));

export default [
  { ignores: ['dist/', 'coverage/', '.suture/', '.bench/', 'test/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{mjs,cjs}'],
    rules: { ...findBugs, 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: { ...findBugs, ...findBugsByType, ...holdTheHouse },
  },
  // The command line speaks to a person, and so do the load and fault tools.
  { files: ['apps/cli/**', 'libs/cli/**', 'test/**'], rules: off('no-console') },
  {
    // A test that is wrong about a type fails; code that is wrong about a type loses a message.
    files: ['**/*.test.ts', 'libs/*/testing/**', 'test/**/*.ts'],
    rules: {
      ...off(
        'complexity',
        'max-lines-per-function',
        'max-params',
        'no-restricted-globals',
        '@typescript-eslint/no-misused-spread',
        '@typescript-eslint/no-non-null-assertion',
        '@typescript-eslint/no-unsafe-argument',
        '@typescript-eslint/no-unsafe-assignment',
        '@typescript-eslint/no-unsafe-call',
        '@typescript-eslint/no-unsafe-member-access',
        '@typescript-eslint/no-unsafe-return',
        '@typescript-eslint/require-array-sort-compare',
        '@typescript-eslint/restrict-template-expressions',
        '@typescript-eslint/unbound-method',
      ),
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: Object.keys(longFiles), rules: off('max-lines') },
  ...(Object.keys(longFunctions).length > 0
    ? [{ files: Object.keys(longFunctions), rules: off('max-lines-per-function') }]
    : []),
];

import { describe, expect, test } from '@jest/globals';
import { readRepository } from './repository.js';
import { houseRules } from './rules.js';

const repository = readRepository();

describe('this repository keeps its rules', () => {
  test.each(houseRules.map((rule) => [rule.demand, rule] as const))('%s', (_demand, rule) => {
    expect(rule.breaches(repository)).toEqual([]);
  });
});

/** Each rule must catch its breach, or its silence above means nothing. Half words, so that no rule finds them here. */
const breaches: readonly (readonly [path: string, text: string, found: string])[] = [
  ['libs/journal/src/string-utils.ts', '', "'utils' says nothing"],
  ['libs/manager/src/index.ts', '', "'manager' says nothing"],
  ['libs/journal/src/Journal.ts', '', 'not kebab-case'],
  ['libs/journal/src/index.ts', '', 'libs/journal/README.md: missing'],
  ['libs/journal/src/journal.ts', '', 'libs/journal/src/index.ts: missing'],
  ['apps/engine/src/main.ts', 'run();\n'.repeat(31), '31 lines'],
  ['apps/engine/src/parse.ts', '', 'belongs in a library'],
  ['README.md', `see /${'wor'}k/notes`, 'line 1 names a path of one machine'],
  ['package-lock.json', '"resolved": "https://example.org/a.tgz"', 'holds resolved addresses'],
  [
    'package-lock.json',
    '{"packages":{"":{"optionalDependencies":{"a-linux-x64":"1.0.0"}}}}',
    'lacks 1 variants',
  ],
  ['.npmrc', 'registry=https://example.org', 'sets a registry'],
  ['libs/a/src/a.ts', `// ${'TO'}DO later`, 'TODO, FIXME or HACK'],
  ['libs/a/src/a.ts', `// ${'eslint'}-disable-next-line no-console`, "without ' -- reason'"],
  ['docs/architecture.md', 'see `libs/journal/src/gone.ts`', 'libs/journal/src/gone.ts, not there'],
  ['libs/a/src/a.test.ts', "test('should work well', () => {})", 'say what holds'],
  ['libs/a/src/a.test.ts', "test.each([1])('works', () => {})", 'at least three words'],
  ['libs/a/src/a.test.ts', "describe.only('a', () => {})", 'the others would not run'],
  ['libs/a/src/a.test.ts', 'const maybe = found ? test : test.skip;', 'without its reason'],
  ['libs/a/src/a.test.ts', 'await new Promise((resolve) => setTimeout(resolve, 50));', 'setTimeout without'],
  ['libs/a/src/index.ts', "export * from './a.js';", 'hides what is public'],
  [
    'libs/a/src/index.ts',
    `export { ${Array.from({ length: 21 }, (_, i) => `n${i}`).join(', ')} } from './a.js';`,
    '21 names',
  ],
  [
    'libs/a/src/a.ts',
    "db.query('SELECT 1', [], 'one'); db.query<Row>('SELECT 1', [], 'one'); db.query('SELECT 2', [], 'one');",
    "'one' names two statements",
  ],
];

describe('the rules themselves', () => {
  test.each(breaches)('%s with a planted breach is caught', (path, text, found) => {
    const planted = new Map([[path, text]]);
    const all = houseRules.flatMap((rule) => rule.breaches(planted));
    expect(all.filter((breach) => breach.includes(found))).toHaveLength(1);
  });

  test('a public function without a docstring is caught, one with a docstring is not', () => {
    const planted = new Map([
      ['libs/a/src/index.ts', "export { bare, told } from './a.js';"],
      ['libs/a/src/a.ts', 'export function bare() {}\n/** Promises. */\nexport function told() {}'],
    ]);
    const all = houseRules.flatMap((rule) => rule.breaches(planted));
    expect(all.filter((breach) => breach.includes('docstring'))).toEqual([
      'libs/a/src/a.ts: bare has no docstring',
    ]);
  });

  test('a skip or a timer whose reason stands beside it is accepted', () => {
    const text = [
      '// skipped where Go is absent: the verifier is a Go program',
      "describe.skip('the verifier', () => {});",
      '',
      '',
      "(found ? describe : describe.skip)('the corpus (skipped where it is absent)', () => {});",
      'while (!done()) await sleep(5);',
      'setTimeout(fail, 1000); // a deadline, not a wait',
    ].join('\n');
    const planted = new Map([['libs/a/src/a.test.ts', text]]);
    const all = houseRules.flatMap((rule) => rule.breaches(planted));
    expect(all.filter((breach) => breach.includes('without'))).toEqual([]);
  });
});

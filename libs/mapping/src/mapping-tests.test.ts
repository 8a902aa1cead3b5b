import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { runMappingTests } from './index.js';

const mappings = fileURLToPath(new URL('../../../mappings', import.meta.url));

describe('the maps we ship', () => {
  const run = runMappingTests(mappings);
  const named = new Map(
    run.results.map((result) => [`${result.file}:${result.line} ${result.name}`, result]),
  );

  test('no mapping, table or test file has a mistake', () => {
    expect(run.errors).toEqual([]);
    expect(run.results.length).toBeGreaterThan(20);
  });

  test.each([...named.keys()])('%s', (name) => {
    expect(named.get(name)?.failures).toEqual([]);
  });
});

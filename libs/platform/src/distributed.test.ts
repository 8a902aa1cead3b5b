import { describe, expect, test } from '@jest/globals';
import { distributedPlan } from './distributed.js';

const both = { databaseUrl: 'postgres://a/b', redisUrl: 'redis://c' };

describe('the distributed start', () => {
  test('without an address of PostgreSQL or Redis it names what is missing, unless they are to be started here', () => {
    expect(distributedPlan([], both)).toEqual({ transforms: 2 });
    expect(distributedPlan([], { ...both, redisUrl: undefined })).toMatchObject({
      code: 2,
      text: expect.stringMatching(/^REDIS_URL not set/) as unknown,
    });
    expect(
      distributedPlan(['--local', '--transform', '4'], { databaseUrl: undefined, redisUrl: undefined }),
    ).toEqual({
      transforms: 4,
    });
  });

  test('words it does not know are refused with the usage', () => {
    for (const words of [['--transform', '0'], ['--transform', 'many'], ['--remote'], ['loud']]) {
      expect(distributedPlan(words, both)).toMatchObject({
        code: 2,
        text: expect.stringContaining('npm run distributed') as unknown,
      });
    }
    expect(distributedPlan(['--help'], both)).toMatchObject({ code: 0 });
  });
});

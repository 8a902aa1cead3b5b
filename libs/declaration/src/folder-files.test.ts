import { expect, test } from '@jest/globals';
import { type FileProblem, firstFiles } from './index.js';

test('of a folder with too many files the first by name are read, and the first that is not is named', () => {
  const problems: FileProblem[] = [];
  expect(firstFiles('channels', ['b.yaml', 'c.yaml', 'a.yaml'], 3, problems)).toEqual([
    'a.yaml',
    'b.yaml',
    'c.yaml',
  ]);
  expect(problems).toEqual([]);
  expect(firstFiles('channels', ['b.yaml', 'c.yaml', 'a.yaml'], 2, problems)).toEqual(['a.yaml', 'b.yaml']);
  expect(problems).toMatchObject([{ file: 'channels', code: 'FOLDER_TOO_FULL' }]);
  expect(problems[0]?.message).toContain("'c.yaml'");
});

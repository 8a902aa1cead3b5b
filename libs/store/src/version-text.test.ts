import { describe, expect, test } from '@jest/globals';
import { spliceMeta } from './version-text.js';

const at = Date.UTC(2026, 10, 23, 8, 1, 2, 3);
const meta = '"versionId":"2","lastUpdated":"2026-11-23T08:01:02.003Z"';

describe('version text', () => {
  test('version and time stand behind the id, and every other byte stays', () => {
    const text = '{"resourceType":"Observation","id":"o-1","valueQuantity":{"value":1.50}}';
    expect(spliceMeta(text, 2, at)).toBe(
      `{"resourceType":"Observation","id":"o-1","meta":{${meta}},"valueQuantity":{"value":1.50}}`,
    );
  });

  test('a resource of an id alone stays well-formed', () => {
    expect(spliceMeta('{"resourceType":"Basic","id":"1"}', 2, at)).toBe(
      `{"resourceType":"Basic","id":"1","meta":{${meta}}}`,
    );
  });

  test('a meta of its own is filled in, wherever it stands', () => {
    const near = '{"resourceType":"Basic","id":"1","meta":{"profile":["p"]}}';
    expect(spliceMeta(near, 2, at)).toBe(
      `{"resourceType":"Basic","id":"1","meta":{${meta},"profile":["p"]}}`,
    );
    const empty = '{"resourceType":"Basic","id":"1","meta":{}}';
    expect(spliceMeta(empty, 2, at)).toBe(`{"resourceType":"Basic","id":"1","meta":{${meta}}}`);
    const far = '{"resourceType":"Basic","id":"1","language":"en","meta":{"profile":["p"]}}';
    expect(spliceMeta(far, 2, at)).toBe(
      `{"resourceType":"Basic","id":"1","language":"en","meta":{${meta},"profile":["p"]}}`,
    );
  });

  test('a meta inside a contained resource or inside a text is not its own', () => {
    for (const rest of [
      '"contained":[{"resourceType":"Basic","id":"2","meta":{"profile":["p"]}}]',
      '"language":"a\\",\\"meta\\":{"',
    ]) {
      const spliced = spliceMeta(`{"resourceType":"Basic","id":"1",${rest}}`, 2, at);
      expect(spliced).toBe(`{"resourceType":"Basic","id":"1","meta":{${meta}},${rest}}`);
    }
  });
});

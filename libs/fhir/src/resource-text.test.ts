import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bundleOf } from './bundle.js';
import { checkResource } from './check-resource.js';
import { Decimal } from './decimal.js';
import { readJson } from './read-json.js';
import { headOf, spliceMeta } from './resource-text.js';
import { writeJson } from './write-json.js';

const facts = { versionId: 3, lastUpdated: '2026-01-02T03:04:05.678Z' };
const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"meta":', ',"meta":{', '\\', '\\"', '{', '}', ']', '"', '\\","meta":{"'),
  fc.integer(),
  fc.boolean(),
  fc.constant(Decimal.of('1.50')),
);
const key = fc.constantFrom('meta', 'name', 'text', 'a', 'contained', 'versionId', 'x"y', 'm\\', '"meta":');
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const meta = fc.dictionary(
  fc.constantFrom('profile', 'tag', 'versionId', 'lastUpdated', 'source', 'extension', '_versionId'),
  tree,
  { noNullPrototype: true },
);
/** A resource with a meta anywhere among its members, or none. */
const resource = fc
  .tuple(
    fc.dictionary(
      key.filter((k) => k !== 'meta'),
      tree,
      { noNullPrototype: true },
    ),
    fc.option(meta),
    fc.dictionary(fc.constantFrom('z1', 'z2', 'contained'), tree, { noNullPrototype: true }),
  )
  .map(([before, m, after]) => {
    return { resourceType: 'Patient', id: 'a-1.b', ...before, ...(m === null ? {} : { meta: m }), ...after };
  });

describe('meta is spliced into the text of a resource', () => {
  test('right after the id when there is none', () => {
    expect(spliceMeta('{"resourceType":"Patient","id":"p","gender":"male"}', facts)).toBe(
      '{"resourceType":"Patient","id":"p","meta":{"versionId":"3","lastUpdated":"2026-01-02T03:04:05.678Z"},"gender":"male"}',
    );
    expect(JSON.parse(spliceMeta('{"resourceType":"Patient","id":"p"}', facts)).meta.versionId).toBe('3');
  });

  test('into the one that is there, wherever it stands, and not into that of a contained resource', () => {
    const text =
      '{"resourceType":"Patient","id":"p","contained":[{"meta":{}}],"meta":{"tag":[{"code":"x"}]},"active":true}';
    expect(spliceMeta(text, facts)).toBe(
      '{"resourceType":"Patient","id":"p","contained":[{"meta":{}}],"meta":{"versionId":"3",' +
        '"lastUpdated":"2026-01-02T03:04:05.678Z","tag":[{"code":"x"}]},"active":true}',
    );
  });

  test('gives what parsing, changing and writing would give, for any resource', () => {
    fc.assert(
      fc.property(resource, (made) => {
        const {
          versionId: _v,
          _versionId,
          lastUpdated: _l,
          _lastUpdated,
          ...rest
        } = (made as { meta?: Record<string, unknown> }).meta ?? { versionId: 0 };
        const expected = { ...made, meta: { versionId: '3', lastUpdated: facts.lastUpdated, ...rest } };
        const spliced = spliceMeta(writeJson(made), facts);
        expect(JSON.parse(spliced)).toEqual(JSON.parse(writeJson(expected)));
        expect(headOf(spliced)).toEqual({ type: 'Patient', id: 'a-1.b' });
        // Twice is as good as once.
        expect(spliceMeta(spliced, facts)).toBe(spliced);
      }),
      { numRuns: 500 },
    );
  });

  test('a text that does not start with type and id is a bug', () => {
    for (const text of [
      '{"id":"p","resourceType":"Patient"}',
      '{"resourceType":"Patient"}',
      '',
      '{"resourceType":"P","id":"a b"}',
    ]) {
      expect(() => headOf(text)).toThrow(
        expect.objectContaining({ kind: 'bug', code: 'FHIR_HEAD_MALFORMED' }),
      );
    }
  });
});

describe('a bundle is built around resource texts', () => {
  const patient = '{"resourceType":"Patient","id":"p1","multipleBirthInteger":2}';
  const observation =
    '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"K"},"valueQuantity":{"value":4.10}}';

  test('resources keep their bytes', () => {
    const text = bundleOf('collection', [patient, observation]);
    expect(text).toContain(`"resource":${observation}`);
    expect(checkResource(readJson(text))).toEqual([]);
    expect(JSON.parse(text).entry.map((e: { fullUrl: string }) => e.fullUrl)).toEqual([
      'http://suture.invalid/fhir/Patient/p1',
      'http://suture.invalid/fhir/Observation/o1',
    ]);
  });

  test('each type of bundle is valid R4', () => {
    const outcome = {
      resource: '{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]}',
    };
    const base = 'https://ehr.example/fhir/';
    const texts = [
      bundleOf('transaction', [patient], { base }),
      bundleOf('searchset', [patient, { ...outcome, search: 'outcome' }], {
        base,
        total: 1,
        links: [{ relation: 'self', url: base }],
      }),
      bundleOf('searchset', [], { total: 0 }),
      bundleOf('history', [
        {
          resource: patient,
          request: { method: 'PUT', url: 'Patient/p1' },
          response: { status: '200', etag: 'W/"1"' },
        },
        {
          fullUrl: `${base}Patient/p2`,
          request: { method: 'DELETE', url: 'Patient/p2' },
          response: { status: '204' },
        },
      ]),
    ];
    for (const text of texts) expect(checkResource(readJson(text))).toEqual([]);
    expect(JSON.parse(texts[0] ?? '').entry[0].request).toEqual({ method: 'PUT', url: 'Patient/p1' });
  });
});

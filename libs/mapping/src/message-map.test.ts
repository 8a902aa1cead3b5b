import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkResource, readJson, writeJson } from '#fhir';
import { type Message, parseMessage } from '#hl7v2';
import { convertFile, loadMappings } from './index.js';
import type { MappingResult } from './mapping-result.js';
import type { CompiledMessageMap } from './mapping-set.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const fixtures = join(root, 'test/fixtures/hl7v2');
const set = loadMappings(join(root, 'mappings'));
const files = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.hl7'),
);

function mapOf(message: Message): CompiledMessageMap {
  const msh = message.first('MSH');
  const [code = '', trigger = ''] = [1, 2].map((part) => msh?.value(9, 1, part) ?? undefined);
  const map = set.forMessage(code, trigger);
  if (!map) throw new Error(`no map for ${code}^${trigger}`);
  return map;
}

function run(raw: Buffer): MappingResult {
  const message = parseMessage(raw);
  return mapOf(message).run(message, { tenant: 't', account: 'full' });
}

function texts(result: MappingResult): string[] {
  return result.resources.map(({ resource }) => writeJson(resource));
}

/** Every leaf is mapped, dropped or unmapped, and in one of them only. */
function checkAccount(raw: Buffer, { report }: MappingResult): void {
  let leaves = 0;
  parseMessage(raw).eachLeaf(() => leaves++);
  expect(report.mapped + report.droppedCount + report.unmappedCount).toBe(leaves);
  const named = [...report.unmapped, ...report.dropped.map(({ path }) => path)];
  expect(named).toHaveLength(report.droppedCount + report.unmappedCount);
  expect(new Set(named).size).toBe(named.length);
}

/** Every reference leads to a resource of the same result, every id stands once. */
function checkReferences(result: MappingResult): void {
  const ids = result.resources.map(({ type, id }) => `${type}/${id}`);
  expect(new Set(ids).size).toBe(ids.length);
  for (const text of texts(result))
    for (const [, reference = ''] of text.matchAll(/"reference":"([^"]+)"/g))
      expect(ids).toContain(reference);
}

describe.each(files)('%s', (file) => {
  const raw = readFileSync(join(fixtures, file));
  const result = run(raw);

  test('gives valid R4, id second, with references that lead somewhere', () => {
    expect(result.resources.length).toBeGreaterThan(1);
    for (const { type, id, resource } of result.resources) {
      expect(checkResource(resource)).toEqual([]);
      expect(writeJson(resource).startsWith(`{"resourceType":"${type}","id":"${id}"`)).toBe(true);
    }
    checkReferences(result);
  });

  test('accounts for every value', () => {
    checkAccount(raw, result);
  });

  test('gives the same bytes again, whatever ran in between and whatever is asked about it', () => {
    const first = texts(result);
    for (const other of files) run(readFileSync(join(fixtures, other)));
    expect(texts(run(raw))).toEqual(first);
    const message = parseMessage(raw);
    const map = mapOf(message);
    expect(map.run(message, { tenant: 't' }).resources.map(({ resource }) => writeJson(resource))).toEqual(
      first,
    );
    expect(map.run(message, { tenant: 't' }).report).toMatchObject({ mapped: -1, unmapped: [] });
  });
});

describe('messages that went wrong on the way', () => {
  const raw = readFileSync(join(fixtures, 'oru-r01/cbc-panel.hl7')).toString('utf8');

  test('whatever characters change, the result is valid and accounted for', () => {
    const change = fc.record({
      at: fc.nat(raw.length - 10),
      cut: fc.nat(6),
      put: fc.constantFrom('|', '^', '~', '&', '\\', '""', '\r', 'OBX|', '\u0000', 'ä', '99999999', ' '),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        let text = raw;
        // The header stays, or there would be nothing to look at.
        for (const { at, cut, put } of changes) {
          const from = Math.max(at, 120);
          text = text.slice(0, from) + put + text.slice(from + cut);
        }
        const bytes = Buffer.from(text);
        const result = run(bytes);
        for (const { resource } of result.resources) expect(checkResource(resource)).toEqual([]);
        checkAccount(bytes, result);
        checkReferences(result);
      }),
      { numRuns: 150 },
    );
  });

  test('100,000 segments take time in proportion', () => {
    const head = raw.slice(0, raw.indexOf('OBX|1|'));
    const many = (count: number): Buffer =>
      Buffer.from(
        head + Array.from({ length: count }, (_, i) => `OBX|${i + 1}|NM|A^a^L||${i}|mg/dL|||||F\r`).join(''),
      );
    const time = (bytes: Buffer): number => {
      const start = process.cpuUsage();
      expect(run(bytes).resources.length).toBeGreaterThan(1_000);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    time(many(2_000));
    const small = time(many(5_000));
    // Twenty times as many may take sixty times as long on a busy machine; quadratic would be four hundred.
    expect(time(many(100_000)) / small).toBeLessThan(60);
  });
});

describe('converting files', () => {
  test('a message without a map is refused with an account of all it holds', () => {
    const raw = Buffer.from('MSH|^~\\&|A|B|C|D|20240101||QRY^A19|1|P|2.5\rQRD|a&b~c||R\r');
    const [message] = convertFile(raw, set, options).messages;
    expect(message?.refusal?.code).toBe('MAPPING_NONE');
    expect(message?.report).toMatchObject({ mapped: 0, droppedCount: 0, dropped: [] });
    expect(message?.report?.unmapped.slice(-4)).toEqual([
      'QRD[1]-1[1].1.1',
      'QRD[1]-1[1].1.2',
      'QRD[1]-1[2]',
      'QRD[1]-3[1]',
    ]);
    expect(message?.report?.unmappedCount).toBe(message?.report?.unmapped.length);
  });

  const options = { tenant: 't' };

  test('one message becomes a message bundle that begins with its header', () => {
    const { bundle = '', messages } = convertFile(
      readFileSync(join(fixtures, 'oru-r01/critical-potassium.hl7')),
      set,
      options,
    );
    const tree = readJson(bundle) as {
      type: string;
      timestamp: string;
      identifier: { value: string };
      entry: { resource: { resourceType: string } }[];
    };
    expect(tree.type).toBe('message');
    expect(tree.timestamp).toBe('2024-03-01T09:45:00+01:00');
    expect(tree.identifier.value).toBe('BFL-ORU-0009017');
    expect(tree.entry[0]?.resource.resourceType).toBe('MessageHeader');
    expect(checkResource(tree as never)).toEqual([]);
    expect(messages).toMatchObject([{ number: 1, type: 'ORU^R01', map: 'v2.ORU_R01', refusal: undefined }]);
  });

  test('several messages become one collection', () => {
    const bytes = Buffer.concat(
      ['adt-a01/admit.hl7', 'oru-r01/escapes.hl7'].map((file) => readFileSync(join(fixtures, file))),
    );
    const { bundle = '', messages } = convertFile(bytes, set, options);
    expect(bundle).toContain('"type":"collection"');
    expect(messages.map(({ map }) => map)).toEqual(['v2.ADT_A01', 'v2.ORU_R01']);
  });

  test.each([
    ['', 'HL7_MSH_MISSING'],
    ['MSH|^~\\&|A|B|C|D|20240101||QRY^A19|1|P|2.5\rQRD|1\r', 'MAPPING_NONE'],
    ['MSH|||A\r', 'HL7_SEPARATORS_INVALID'],
  ])('%p is refused with a code', (text, code) => {
    const { bundle, messages } = convertFile(Buffer.from(text), set, options);
    expect(bundle).toBeUndefined();
    expect(messages[0]?.refusal?.code).toBe(code);
  });
});

describe('the identity of a result', () => {
  const head =
    'MSH|^~\\&|LIS|X|HUB|Y|20240610||ORU^R01|1|P|2.5.1\rPID|1||1^^^X^MR||A\rOBR|1||F1^L|T^Test^L\r';
  const results = (...lines: string[]) =>
    run(Buffer.from(head + lines.join('\r'))).resources.filter(({ type }) => type === 'Observation');

  test('is its code and sub-id in its order: a correction may number it anew', () => {
    const [, potassium] = results('OBX|1|NM|Na^^L||140||||||F', 'OBX|2|NM|K^^L||3.1||||||F');
    const [corrected] = results('OBX|1|NM|K^^L||4.1||||||C');
    expect(corrected?.id).toBe(potassium?.id);
  });

  test('is a number beside it for any count of results that share them', () => {
    const made = results(...Array.from({ length: 5_000 }, (_, n) => `OBX|${n}|NM|K^^L||${n}||||||F`));
    expect(new Set(made.map(({ id }) => id)).size).toBe(5_000);
  });
});

const corpus = join(root, '../shared/corpus/hl7v2');
const describeCorpus = existsSync(corpus) ? describe : describe.skip;

describeCorpus('every message of the corpus (skipped where ../shared is absent)', () => {
  test('is valid, accounted for, and refers to nothing that is not there', () => {
    for (const file of readdirSync(corpus, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.hl7')) continue;
      const { bundle } = convertFile(readFileSync(join(corpus, file)), set, { tenant: 't' });
      if (bundle !== undefined) expect([file, checkResource(readJson(bundle) as never)]).toEqual([file, []]);
    }
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type FileProblem, readChannel } from '#channel';
import { CsvReader } from '#csv';
import { journalKind } from '#journal';
import { loadMappings } from '#mapping';
import { messageState } from '#store';
import { type TransformChannel, transformChannel } from './transform-channel.js';
import { transformMessage } from './transform-message.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const mappings = loadMappings(`${root}/mappings`);

/** A channel whose file has these filters. */
function channelOf(accept: string, filter = '[]', source = 'http'): TransformChannel {
  const where = source === 'http' ? 'listen: "127.0.0.1:0"' : 'path: in, format: csv';
  const problems: FileProblem[] = [];
  const file = readChannel(
    'documents.yaml',
    `channel: documents\nsource: { ${source}: { ${where}, accept: ${accept} } }\nfilter: ${filter}\ntransform: { mapping: ccda }\n`,
    {},
    problems,
  );
  expect(problems).toEqual([]);
  if (!file) throw new Error('the test channel is wrong');
  return transformChannel(file, 1, mappings, new Map());
}

function outcomeOf(raw: Buffer, channel = channelOf('[CDA]')) {
  const position = { lane: 1, partition: 1, seq: 1 };
  const facts = { kind: journalKind.message, controlIdReused: false, channel: 1, receivedAtMs: 0 } as const;
  return transformMessage(
    { ...facts, position, refers: undefined, raw },
    { tenant: 't', engineVersion: '1', channels: new Map([[1, channel]]) },
  );
}

describe('a document in the journal', () => {
  const raw = readFileSync(`${root}/test/fixtures/ccda/allergies.xml`);

  test('becomes resources, the Composition first, under the digest of its map', () => {
    const outcome = outcomeOf(raw);
    expect(outcome.state).toBe(messageState.transformed);
    expect(outcome.resources[0]?.type).toBe('Composition');
    expect(outcome.resources.map(({ type }) => type)).toContain('AllergyIntolerance');
    expect(outcome.controlId).toBeUndefined();
    expect(outcomeOf(raw).resources).toEqual(outcome.resources);
  });

  test.each([
    [raw.subarray(0, 500), 'CDA_MALFORMED'],
    [Buffer.from('<!DOCTYPE a><a/>'), 'CDA_DOCTYPE'],
  ])('that cannot be read is dead with a reason, and its bytes are kept', (bytes, code) => {
    const outcome = outcomeOf(bytes);
    expect(outcome).toMatchObject({ state: messageState.dead, code, raw: bytes });
  });
});

describe('filters', () => {
  const raw = readFileSync(`${root}/test/fixtures/ccda/allergies.xml`);
  const filtered = { state: messageState.filtered, code: 'CHANNEL_FILTER', reason: 'not wanted' };
  const dropping = (condition: string) => `[{ drop_when: "${condition}", reason: not wanted }]`;

  test('drop a document by what stands in it, and say why', () => {
    expect(outcomeOf(raw, channelOf('[CDA]', dropping("code == '34133-9'")))).toMatchObject(filtered);
    const other = channelOf('[CDA]', dropping("code != '34133-9'"));
    expect(outcomeOf(raw, other).state).toBe(messageState.transformed);
  });

  test('drop rows by their columns', () => {
    const labs = 'patient_id,loinc,test,result,collected\nR-1,2823-3,Potassium,6.80,2026-01-02T08:15:00Z\n';
    const reader = new CsvReader({ layouts: mappings.layouts });
    const [unit] = [...reader.push(Buffer.from(labs)), ...reader.end()];
    const outcome = (condition: string) =>
      outcomeOf(unit?.raw ?? raw, channelOf('[csv.labs]', dropping(condition), 'directory'));
    expect(outcome("loinc == '2823-3'")).toMatchObject(filtered);
    expect(outcome("loinc == '2345-7'").state).toBe(messageState.transformed);
  });

  test('that ask for what the channel does not take keep it from running, with file, line and remedy', () => {
    expect(() => channelOf('[CDA]', dropping("MSH-11 == 'T'"))).toThrow(
      /documents\.yaml:3:\d+ the condition is not understood: MSH-11 is of messages .*; write for instance/,
    );
  });
});

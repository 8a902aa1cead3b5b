import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { journalKind } from '#journal';
import { loadMappings } from '#mapping';
import { messageState } from '#store';
import type { TransformChannel } from './transform-channel.js';
import { transformMessage } from './transform-message.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const channel: TransformChannel = {
  id: 1,
  name: 'documents',
  // Conditions of filters speak of segments: no document is filtered.
  filters: [{ drops: () => true, reason: 'everything' }],
  mappings: loadMappings(`${root}/mappings`),
  parameters: {},
  routes: [],
};

function outcomeOf(raw: Buffer) {
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

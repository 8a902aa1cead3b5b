import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseMessage, readMessageHeader } from '#hl7v2';
import { loadMappings } from './load-mappings.js';

const directory = 'test/fixtures/hl7v2';
/** One of each kind. */
const messages = readdirSync(directory)
  .map((kind) => [kind, readdirSync(join(directory, kind)).find((name) => name.endsWith('.hl7'))] as const)
  .map(([kind, name]) => readFileSync(join(directory, kind, name ?? '')));

/** Resources, account and failures of every message. */
function outcomes(mappings: ReturnType<typeof loadMappings>): string[] {
  return messages.map((raw) => {
    const { messageCode, triggerEvent, messageStructure } = readMessageHeader(raw);
    const map = mappings.forMessage(messageCode, triggerEvent, messageStructure || undefined);
    // With an account nothing comes from the memory of resources.
    return JSON.stringify(map?.run(parseMessage(raw), { tenant: 'test', account: 'full' }));
  });
}

test('messages that were mapped often become what they became at first', () => {
  expect(messages.length).toBeGreaterThan(20);
  const mappings = loadMappings('mappings');
  const first = outcomes(mappings);
  // Rules that run more often than a hundred times get a function of their own.
  for (let n = 0; n < 110; n++) outcomes(mappings);
  expect(outcomes(mappings)).toEqual(first);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseMessage, readMessageHeader } from '#hl7v2';
import { loadMappings } from './load-mappings.js';

const directory = 'test/fixtures/hl7v2';
const kinds = ['adt-a01', 'adt-a40', 'oru-r01', 'orders', 'pharmacy', 'siu', 'vxu-v04'];
/** Rules that run more often get a function of their own. */
const often = 1_000;

test.each(kinds)('a message %s that was mapped often becomes what it became at first', (kind) => {
  const [name = ''] = readdirSync(join(directory, kind)).filter((one) => one.endsWith('.hl7'));
  const raw = readFileSync(join(directory, kind, name));
  const { messageCode, triggerEvent, messageStructure } = readMessageHeader(raw);
  const map = loadMappings('mappings').forMessage(messageCode, triggerEvent, messageStructure || undefined);
  const message = parseMessage(raw);
  const first = map?.run(message, { tenant: 'test', account: 'full' });
  expect(first?.resources.length).toBeGreaterThan(0);
  // With an account nothing comes from the memory of resources.
  for (let n = 0; n < often; n++) map?.run(message, { tenant: 'test', account: 'counts' });
  const last = map?.run(message, { tenant: 'test', account: 'full' });
  expect(JSON.stringify(last)).toBe(JSON.stringify(first));
});

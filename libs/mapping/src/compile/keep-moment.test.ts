import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkResource } from '#fhir';
import { parseMessage } from '#hl7v2';
import { loadMappings } from '../index.js';

const set = loadMappings(join(fileURLToPath(new URL('../../../..', import.meta.url)), 'mappings'));

/** Text of one leaf, as it comes back from the parser: no separators, no escapes, nothing at its ends. */
const leafText = fc
  .oneof(
    fc.stringMatching(/^[0-9]{4,14}([.][0-9]{1,4})?([+-][0-9]{4})?$/),
    fc.stringMatching(/^[A-Za-z0-9:. /+-]{1,20}$/),
  )
  .map((text) => text.trim())
  .filter((text) => text !== '');

test('whatever stands in place of a date is a date or is kept as it was sent', () => {
  const map = set.forMessage('ORU', 'R01');
  fc.assert(
    fc.property(leafText, (text) => {
      const raw = `MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5.1\rPID|1||1||A||${text}\rOBR|1|||T^Test|||${text}\r`;
      const result = map?.run(parseMessage(Buffer.from(raw)), { tenant: 't', account: 'full' });
      expect(result?.report.unmapped).toEqual([]);
      for (const { resource } of result?.resources ?? []) expect(checkResource(resource)).toEqual([]);
      const patient = result?.resources.find(({ type }) => type === 'Patient')?.resource;
      const kept = patient?.['_birthDate'] as { extension: { valueString?: string }[] } | undefined;
      const told = result?.report.errors
        .filter(({ rule }) => rule === 'v2.PID.Patient/birthDate')
        .map(({ code, path }) => `${code} ${path}`);
      if (patient?.['birthDate'] !== undefined) expect(told).toEqual([]);
      else expect([kept?.extension[1]?.valueString, told]).toEqual([text, ['MAPPING_NO_MOMENT PID[1]-7[1]']]);
    }),
    { seed: 7, numRuns: 300 },
  );
});

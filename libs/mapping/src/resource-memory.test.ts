import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseMessage, readMessageHeader } from '#hl7v2';
import { loadMappings } from './load-mappings.js';
import type { MappingResult } from './mapping-result.js';

const seed = 20261124;
const mappings = loadMappings('mappings');
const parameters = { time_zone: 'Europe/Vienna' };
const fixtures = messagesBelow('test/fixtures/hl7v2');
const corpus = messagesBelow('../shared/corpus/hl7v2');

function messagesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:hl7|txt)$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1').replaceAll(/\r?\n/g, '\r'))
    .filter((text) => text.startsWith('MSH') && text.indexOf('\rMSH') < 0);
}

/** What a message becomes; an account is only taken without the memory, so `full` tells what is right. */
function resourcesOf(text: string, account: 'off' | 'full'): string | undefined {
  const raw = Buffer.from(text, 'latin1');
  const { messageCode, triggerEvent, messageStructure, defect } = readMessageHeader(raw);
  if (defect) return undefined;
  const map = mappings.forMessage(messageCode, triggerEvent, messageStructure || undefined);
  if (map === undefined) return undefined;
  const result: MappingResult = map.run(parseMessage(raw), { tenant: 'test', parameters, account });
  return result.resources
    .map(({ type, id, merge, resource, removals }) =>
      JSON.stringify({ type, id, merge, resource, removals: [...removals] }),
    )
    .join('\n');
}

/** Keeps, drops, repeats and moves segments, and puts in those of other messages. */
function shuffled(texts: readonly string[], choices: readonly number[]): string {
  const segments = texts.flatMap((text, n) => (n === 0 ? text.split('\r') : text.split('\r').slice(1)));
  const [header = '', ...rest] = segments.filter((segment) => segment !== '');
  const out = [header];
  rest.forEach((segment, n) => {
    const choice = choices[n % choices.length] ?? 0;
    if (choice === 1) return;
    if (choice === 2) out.push(segment, segment);
    else if (choice === 3) out.splice(1, 0, segment);
    else if (choice === 4) out.push(segment.replace(/\d(?=\D*$)/, '7'));
    else out.push(segment);
  });
  return `${out.join('\r')}\r`;
}

describe('the memory of resources', () => {
  test('changes nothing: shuffled segments of many messages become what they become without it', () => {
    expect(fixtures.length).toBeGreaterThan(5);
    const one = fc.tuple(
      fc.array(fc.nat(fixtures.length - 1), { minLength: 1, maxLength: 2 }),
      fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), (plans) => {
        for (const [picked, choices] of plans) {
          const text = shuffled(
            picked.map((n) => fixtures[n] ?? ''),
            choices,
          );
          const right = resourcesOf(text, 'full');
          // Three times: seen, remembered, recalled.
          for (let round = 0; round < 3; round++) expect(resourcesOf(text, 'off')).toBe(right);
        }
      }),
      { seed, numRuns: 150 },
    );
  });

  test('is asked the second time a segment is remembered, and answers with the very same object', () => {
    const text = fixtures.find((one) => one.includes('|ADT^A01')) ?? '';
    const raw = Buffer.from(text, 'latin1');
    const run = () =>
      mappings.forMessage('ADT', 'A01')?.run(parseMessage(raw), { tenant: 'memory', parameters }).resources ??
      [];
    const [, second, third] = [run(), run(), run()];
    const patient = (resources: ReturnType<typeof run>) =>
      resources.find((resource) => resource.type === 'Patient')?.resource;
    expect(patient(third)).toBe(patient(second));
    expect(patient(third)).toMatchObject({ resourceType: 'Patient' });
  });

  test('the same bytes of a segment in another character set are another segment', () => {
    const message = (set: string) =>
      `MSH|^~\\&|A|B|C|D|20250101||ADT^A01^ADT_A01|1|P|2.5.1||||||${set}\rPID|1||E1^^^A^MR||Caf\\XC3A9\\^Eve\r`;
    for (const set of ['UNICODE UTF-8', '8859/1', 'UNICODE UTF-8', '8859/1', 'UNICODE UTF-8', '8859/1']) {
      expect(resourcesOf(message(set), 'off')).toBe(resourcesOf(message(set), 'full'));
    }
    expect(resourcesOf(message('UNICODE UTF-8'), 'full')).toContain('Café');
  });

  const withCorpus = corpus.length > 0 ? test : test.skip; // ../shared is not everywhere
  withCorpus('changes nothing over the corpus, message after message, twice', () => {
    const wrong: number[] = [];
    for (let round = 0; round < 2; round++) {
      corpus.forEach((text, n) => {
        if (resourcesOf(text, 'off') !== resourcesOf(text, 'full')) wrong.push(n);
      });
    }
    expect(wrong).toEqual([]);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { splitBatch } from './batch.js';
import { characterSetLabel } from './character-set-names.js';
import type { Message } from './message.js';
import { readMessageHeader } from './message-header.js';
import { parseMessage } from './parse-message.js';

interface Fact {
  readonly parse: 'ok' | 'reject';
  readonly messages: number;
  readonly family: string;
  readonly given: string;
  readonly mrn: string;
  readonly charset?: string;
  readonly note?: readonly string[];
  readonly obx?: number;
  readonly types?: readonly string[];
  readonly zsegments?: readonly string[];
  readonly deletes?: readonly string[];
  readonly identifiers?: number;
  readonly telecoms?: number;
  readonly merged?: readonly string[];
  readonly time?: string;
  readonly bad?: number;
  readonly warn?: string;
}

const corpus = new URL('../../../../shared/corpus/', import.meta.url);
const isHere = existsSync(new URL('ugly-facts.json', corpus));
const facts: Record<string, Fact> = isHere
  ? (JSON.parse(readFileSync(new URL('ugly-facts.json', corpus), 'utf8')) as Record<string, Fact>)
  : {};
const cases = Object.entries(facts).filter(([path]) => path.startsWith('hl7v2/'));
/** Facts that need to know which segments a message structure demands, which is the mapping's knowledge. */
const warningsElsewhere = new Set(['truncated', 'same MSH-10 twice']);

(isHere ? describe : describe.skip)('the ugly corpus (skipped where ../shared/corpus is absent)', () => {
  test.each(cases)('%s', (path, fact) => {
    const raw = readFileSync(new URL(path, corpus));
    const batch = splitBatch(raw);
    const isReadable = (bytes: Buffer) => readMessageHeader(bytes).defect === undefined;
    expect(batch.messages).toHaveLength(fact.messages);
    if (fact.parse === 'reject') {
      expect(batch.messages.some(isReadable)).toBe(false);
      return;
    }
    expect(batch.messages.filter((bytes) => !isReadable(bytes))).toHaveLength(fact.bad ?? 0);
    // Nothing in the bytes says Shift-JIS here; a channel says it.
    const options = path.includes('shift-jis-undeclared') ? { fallbackCharacterSet: 'Shift-JIS' } : {};
    const messages = batch.messages.filter(isReadable).map((bytes) => parseMessage(bytes, options));
    const message = messages[0];
    if (message === undefined) throw new Error('no readable message');
    expectContent(message, fact, path);
    expectWarning(
      fact,
      batch.problems.map(({ code }) => code),
      message,
    );
    for (const { problems } of messages)
      expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

function expectContent(message: Message, fact: Fact, path: string): void {
  const pid = message.first('PID');
  if (!path.includes('no-pid')) {
    expect([pid?.value(5), pid?.value(5, 1, 2), pid?.value(3)]).toEqual([fact.family, fact.given, fact.mrn]);
  }
  if (fact.charset !== undefined) {
    expect(new TextDecoder(message.characterSet).encoding).toBe(labelOf(fact.charset));
  }
  const notes = message.all('NTE').map((nte) => nte.value(3) ?? '');
  for (const note of fact.note ?? []) expect(notes.some((text) => text.includes(note))).toBe(true);
  const observations = message.all('OBX');
  if (fact.obx !== undefined) expect(observations).toHaveLength(fact.obx);
  if (fact.types !== undefined) expect(observations.map((obx) => obx.value(2) ?? '')).toEqual(fact.types);
  const names = message.segments.map(({ name }) => name);
  if (fact.zsegments !== undefined)
    expect(names.filter((name) => name.startsWith('Z'))).toEqual(fact.zsegments);
  for (const deleted of fact.deletes ?? []) expect(pid?.isNull(Number(deleted.slice(4)))).toBe(true);
  if (fact.identifiers !== undefined) expect(pid?.repetitions(3)).toBe(fact.identifiers);
  if (fact.telecoms !== undefined)
    expect((pid?.repetitions(13) ?? 0) + (pid?.repetitions(14) ?? 0)).toBe(fact.telecoms);
  if (fact.time !== undefined) expect(observations[0]?.value(14)).toBe(fact.time);
  const mrg = message.first('MRG');
  if (fact.merged !== undefined) expect(fact.merged.map((_, i) => mrg?.value(1, i + 1))).toEqual(fact.merged);
}

function expectWarning(fact: Fact, batchProblems: readonly string[], message: Message): void {
  if (fact.warn === undefined || warningsElsewhere.has(fact.warn)) return;
  const all = [...batchProblems, ...message.problems.map(({ code }) => code)];
  const expected: Record<string, string> = {
    'batch count': 'BATCH_COUNT_WRONG',
    'unterminated frame': 'FRAME_NOT_CLOSED',
    continuation: 'CONTINUATION_SEGMENT',
  };
  expect(all).toContain(expected[fact.warn]);
}

/** The facts name sets as Python does. */
function labelOf(charset: string): string {
  const label = charset === 'iso2022_jp' ? 'iso-2022-jp' : characterSetLabel(charset);
  return new TextDecoder(label).encoding;
}

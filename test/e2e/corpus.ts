import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type MessageHeader, readMessageHeader, splitBatch } from '#hl7v2';
import { repositoryRoot } from '../load/bench-messages.js';
import type { Scene } from './scene.js';

const corpus = join(repositoryRoot, '../shared/corpus/hl7v2');
const MESSAGE_FILE = /\.(hl7|ndhl7|txt|out)$/;
/** What the sample channel `hospital` takes. */
const ACCEPTED = new Set(['ADT^A01', 'ADT^A04', 'ADT^A08', 'ORU^R01', 'VXU^V04']);

interface CorpusMessage {
  readonly name: string;
  readonly raw: Buffer;
  readonly header: MessageHeader;
}

/** Every message of the corpus but acknowledgments, which are never answered. */
function corpusMessages(): CorpusMessage[] {
  const files = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter((file) =>
    MESSAGE_FILE.test(file),
  );
  return files.sort().flatMap((file) =>
    splitBatch(readFileSync(join(corpus, file)))
      .messages.map((raw, index) => ({ name: `${file}#${index + 1}`, raw, header: readMessageHeader(raw) }))
      .filter(({ header }) => !header.isAcknowledgment),
  );
}

function isAccepted({ header }: CorpusMessage): boolean {
  return header.defect === undefined && ACCEPTED.has(`${header.messageCode}^${header.triggerEvent}`);
}

function digest(raw: Buffer): string {
  return createHash('sha256').update(raw).digest('hex');
}

/** The messages of other projects, sent to the sample channel. */
export function corpusFlows(scene: () => Scene): void {
  (existsSync(corpus) ? describe : describe.skip)('the corpus (skipped where ../shared is absent)', () => {
    test('every message of a type that the sample channel takes is accepted and transformed, every other refused', async () => {
      const messages = corpusMessages();
      const wrong: string[] = [];
      for (const message of messages) {
        const code = (await scene().send('hospital', message.raw))?.acknowledgment.code;
        const expected = isAccepted(message) ? /^[AC]A$/ : /^(AR|AE|CR|CE)$/;
        if (code !== undefined && !expected.test(code)) wrong.push(`${message.name}: answered with ${code}`);
      }
      await scene().settled();
      expect([...wrong, ...(await unmapped(scene(), messages.filter(isAccepted)))]).toEqual([]);
      expect(messages.filter(isAccepted).length).toBeGreaterThan(100);
    });
  });
}

/** Accepted messages that did not become resources, each with its reason. */
async function unmapped(scene: Scene, messages: readonly CorpusMessage[]): Promise<string[]> {
  const rows = await scene.engine.database.query<{
    raw: Buffer;
    state: number;
    code: string;
    reason: string;
  }>(
    `SELECT j.raw, p.state, p.code, p.reason FROM journal j JOIN pack p USING (lane, partition, seq)
     JOIN channel_name n ON n.id = j.channel WHERE n.name = 'hospital' AND j.kind = 0`,
  );
  const outcomes = new Map(rows.map((row) => [digest(row.raw), row]));
  return messages.flatMap(({ name, raw }) => {
    const outcome = outcomes.get(digest(raw));
    if (outcome === undefined) return [`${name}: accepted and not journaled`];
    return outcome.state === 1 ? [] : [`${name}: ${outcome.code} ${outcome.reason}`];
  });
}

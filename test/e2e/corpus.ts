import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { MllpClient } from '#connectors';
import { type MessageHeader, readMessageHeader, splitBatch } from '#hl7v2';
import { repositoryRoot } from '../load/bench-messages.js';
import { eventually } from './deployment.js';
import type { Scene } from './scene.js';

const corpus = join(repositoryRoot, '../shared/corpus/hl7v2');
const CONNECTIONS = 12;
const MESSAGE_FILE = /\.(hl7|ndhl7|txt|out)$/;
/** What the sample channel `hospital` takes. */
const ACCEPTED = new Set(
  (
    'ADT^* ORU^R01 OUL^* OML^* OMG^O19 OMI^O23 ORM^O01 ORL^* OMP^O09 RDE^* RDS^O13 RAS^O17 RGV^O15 VXU^V04 MDM^* SIU^* REF^* PPR^* PGL^* ORU^R30 ORU^R31 ORU^R32 ' +
    'DFT^* BAR^*'
  ).split(' '),
);

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
  const { defect, messageCode, triggerEvent } = header;
  return (
    defect === undefined &&
    (ACCEPTED.has(`${messageCode}^${triggerEvent}`) || ACCEPTED.has(`${messageCode}^*`))
  );
}

function digest(raw: Buffer): string {
  return createHash('sha256').update(raw).digest('hex');
}

/** The messages of other projects, sent to the sample channel. */
export function corpusFlows(scene: () => Scene): void {
  (existsSync(corpus) ? describe : describe.skip)('the corpus (skipped where ../shared is absent)', () => {
    test('every message of a type that the sample channel takes is accepted and transformed, every other refused', async () => {
      const messages = corpusMessages();
      const wrong = await wronglyAnswered(scene(), messages);
      await scene().settled();
      // What asks for no acknowledgment may still be on its way into the journal.
      const accepted = messages.filter(isAccepted);
      await eventually('every accepted message is journaled', async () => {
        const outcomes = await outcomesOf(scene());
        return accepted.every(({ raw }) => outcomes.has(digest(raw)));
      });
      await scene().settled();
      expect([...wrong, ...(await unmapped(scene(), accepted))]).toEqual([]);
      expect(accepted.length).toBeGreaterThan(100);
    });
  });
}

/** Sends them over several connections; a line for each answer that is not the right one. */
async function wronglyAnswered(scene: Scene, messages: readonly CorpusMessage[]): Promise<string[]> {
  const { hospital: port } = scene.engine.workspace.ports;
  const wrong: string[] = [];
  const sendShare = async (first: number) => {
    const client = new MllpClient({ host: '127.0.0.1', port, replyTimeoutMs: 15_000 });
    for (let n = first; n < messages.length; n += CONNECTIONS) {
      const message = messages[n];
      const code = message && (await client.send(message.raw))?.acknowledgment.code;
      if (message === undefined || code === undefined) continue;
      const expected = isAccepted(message) ? /^[AC]A$/ : /^[AC][ER]$/;
      if (!expected.test(code)) wrong.push(`${message.name}: answered with ${code}`);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, first) => sendShare(first)));
  return wrong;
}

/** Accepted messages that did not become resources, each with its reason. */
async function unmapped(scene: Scene, messages: readonly CorpusMessage[]): Promise<string[]> {
  const outcomes = await outcomesOf(scene);
  return messages.flatMap(({ name, raw }) => {
    const outcome = outcomes.get(digest(raw));
    return outcome?.state === 1 ? [] : [`${name}: ${outcome?.code ?? ''} ${outcome?.reason ?? 'waiting'}`];
  });
}

interface Outcome {
  readonly digest: string;
  readonly state: number | null;
  readonly code: string | null;
  readonly reason: string | null;
}

/** What became of each message of the sample channel, by the hash of its bytes. */
async function outcomesOf(scene: Scene): Promise<Map<string, Outcome>> {
  const rows = await scene.engine.database.query<Outcome>(
    `SELECT encode(sha256(j.raw), 'hex') AS digest, p.state, p.code, p.reason FROM journal j JOIN channel_name n ON n.id = j.channel
     LEFT JOIN pack p USING (lane, partition, seq) WHERE n.name = 'hospital' AND j.kind = 0`,
  );
  return new Map(rows.map((row) => [row.digest, row]));
}

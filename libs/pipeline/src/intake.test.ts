import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Receipt } from '#channel';
import { channelId, Journal, journalMigrations, readMessage } from '#journal';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { Intake } from './intake.js';

let fixture: TestDatabase;
let journal: Journal;
let intake: Intake;
const nudged: [number, number][] = [];

beforeAll(async () => {
  fixture = await createTestDatabase(journalMigrations);
  journal = await Journal.open(fixture.database);
  const channel = async (name: string, order: 'per_patient' | 'strict') => {
    return { name, id: await channelId(fixture.database, name), accept: ['ORU^R01', 'ADT^*'], order };
  };
  const documents = { ...(await channel('documents', 'per_patient')), accept: ['CDA'] };
  const channels = [await channel('lab', 'per_patient'), await channel('strict', 'strict'), documents];
  intake = new Intake(fixture.database, journal, 'test', channels, (...place) => nudged.push(place));
});
afterAll(async () => {
  await journal.close();
  await fixture.remove();
});

function hl7(type: string, controlId: string, patient = 'P1', more = ''): Buffer {
  const header = `MSH|^~\\&|LIS|LAB|ENGINE|HUB|20250101||${type}|${controlId}|P|2.5.1`;
  return Buffer.from(`${header}\rPID|1||${patient}^^^HOSP^MR||Doe^Jane\r${more}`);
}

function receive(raw: Buffer, channel = 'lab'): Promise<Receipt> {
  return intake.receive({ channel, raw, receivedAtMs: 1_700_000_000_000 });
}

async function positionOf(raw: Buffer, channel?: string) {
  const receipt = await receive(raw, channel);
  if (receipt.outcome !== 'journaled' || !receipt.position) throw new Error(`was ${receipt.outcome}`);
  return receipt.position;
}

describe('intake', () => {
  test('an accepted message is journaled byte for byte before the answer, and its partition is nudged', async () => {
    const raw = hl7('ORU^R01', 'A1');
    const position = await positionOf(raw);
    expect((await readMessage(fixture.database, position))?.raw).toEqual(raw);
    expect(nudged.at(-1)).toEqual([position.lane, position.partition]);
  });

  test('of what the source could not take whole the beginning is kept, with the reason', async () => {
    const raw = hl7('ORU^R01', 'HUGE');
    const receipt = await intake.receive({ channel: 'lab', raw, receivedAtMs: 0, unfit: 'it is too large' });
    expect(receipt).toMatchObject({ outcome: 'refused', hl7: { acknowledgment: 'AE', condition: '102' } });
    const kept = await fixture.database.query(
      `SELECT raw, reason FROM refusal WHERE code = 'SOURCE_REFUSED'`,
    );
    expect(kept).toEqual([{ raw, reason: `it is too large; kept are its first ${raw.length} bytes` }]);
  });

  test('messages of one patient share a partition; a strict channel has one for all', async () => {
    const one = await positionOf(hl7('ORU^R01', 'B1', 'SAME'));
    const two = await positionOf(hl7('ADT^A08', 'B2', 'SAME'));
    expect(two.partition).toBe(one.partition);
    const patients = Array.from({ length: 12 }, (_, index) => hl7('ORU^R01', `B${index}`, `X${index}`));
    const spread = await Promise.all(patients.map((raw) => positionOf(raw)));
    expect(new Set(spread.map((position) => position.partition)).size).toBeGreaterThan(3);
    const strict = await Promise.all(patients.map((raw) => positionOf(raw, 'strict')));
    expect(new Set(strict.map((position) => position.partition)).size).toBe(1);
  });

  test('a document is taken where the channel accepts it, in the partition of its patient', async () => {
    const document = (n: number, patient: string) =>
      Buffer.from(
        `<ClinicalDocument><id root="1.2" extension="${n}"/><recordTarget><patientRole><id nullFlavor="UNK"/><id root="1.3" extension="${patient}"/></patientRole></recordTarget></ClinicalDocument>`,
      );
    const [one, two, other] = await Promise.all(
      [document(1, 'A'), document(2, 'A'), document(3, 'Q')].map((raw) => positionOf(raw, 'documents')),
    );
    expect(two?.partition).toBe(one?.partition);
    expect(other?.partition).not.toBe(one?.partition);
    expect(await receive(document(4, 'A'))).toMatchObject({
      outcome: 'refused',
      error: { code: 'CDA_NOT_ACCEPTED' },
    });
  });

  test('a merge of two patients marks the partition of the second', async () => {
    const position = await positionOf(hl7('ADT^A40', 'C1', 'KEEP', 'MRG|GONE^^^HOSP^MR'));
    const marker = (await readMessage(fixture.database, position))?.refers;
    expect(marker?.partition).toBe((await positionOf(hl7('ADT^A08', 'C2', 'GONE'))).partition);
  });

  test('the same bytes again are journaled once and said to be a duplicate', async () => {
    const raw = hl7('ORU^R01', 'D1');
    await receive(raw);
    expect(await receive(raw)).toMatchObject({ outcome: 'journaled', duplicate: true });
  });

  test.each([
    ['another trigger event of a type', hl7('ORU^R32', 'E1'), 'HL7_TYPE_NOT_ACCEPTED', 'AR', '201'],
    ['another type', hl7('SIU^S12', 'E2'), 'HL7_TYPE_NOT_ACCEPTED', 'AR', '200'],
    [
      'an unsupported version',
      Buffer.from(hl7('ORU^R01', 'E3').toString().replace('|2.5.1', '|3.0')),
      'HL7_VERSION_UNSUPPORTED',
      'AR',
      '203',
    ],
    ['no control id', hl7('ORU^R01', ''), 'HL7_CONTROL_ID_MISSING', 'AE', '101'],
    ['no message type', hl7('', 'E5'), 'HL7_MESSAGE_TYPE_MISSING', 'AR', '101'],
    ['no MSH', Buffer.from('PID|1||X\r'), 'HL7_MSH_MISSING', 'AE', '100'],
    [
      'an acknowledgment',
      hl7('ACK^R01', 'E7', 'P1', 'MSA|AA|1\r'),
      'HL7_ACKNOWLEDGMENT_RECEIVED',
      'AR',
      '200',
    ],
  ])(
    '%s is refused with the right code, and its bytes are kept',
    async (_, raw, code, acknowledgment, condition) => {
      const receipt = await receive(raw);
      expect(receipt).toMatchObject({
        outcome: 'refused',
        error: { kind: 'rejected', code },
        hl7: { acknowledgment, condition },
      });
      const kept = await fixture.database.query('SELECT 1 FROM refusal WHERE raw = $1 AND code = $2', [
        raw,
        code,
      ]);
      expect(kept).toHaveLength(1);
    },
  );
});

import { isXml, patientOfDocument } from '#cda';
import type { Arrival, Receipt } from '#channel';
import { type CsvUnitHead, readUnitHead } from '#csv';
import type { Database } from '#database';
import { findPatientIdentifiers, type MessageHeader, readMessageHeader } from '#hl7v2';
import {
  idempotencyKey,
  type Journal,
  type JournalEntry,
  journalKind,
  partitionOf,
  Refusals,
  senderKeys,
} from '#journal';
import { EngineError, isEngineError } from '#kernel';

/** What intake needs to know of a channel. */
export interface IntakeChannel {
  readonly name: string;
  /** Its number in the journal. */
  readonly id: number;
  /** `ORU^R01`, `ADT^*` for every trigger event, or `CDA` for documents. */
  readonly accept: readonly string[];
  readonly order: 'per_patient' | 'strict';
}

/** What a channel accepts that takes documents of CDA. */
const documents = 'CDA';

type Refused = Extract<Receipt, { outcome: 'refused' }>;

/**
 * From the socket to the journal: reads only the header, checks what the channel accepts, finds the partition, and
 * appends the bytes. Answers after the commit (I1). What is refused is kept for the operator before it is answered.
 */
export class Intake {
  private readonly channels: ReadonlyMap<string, IntakeChannel>;
  private readonly refusals: Refusals;

  constructor(
    database: Database,
    private readonly journal: Journal,
    private readonly tenant: string,
    channels: readonly IntakeChannel[],
    private readonly nudge: (lane: number, partition: number) => void,
  ) {
    this.refusals = new Refusals(database);
    this.channels = new Map(channels.map((channel) => [channel.name, channel]));
  }

  receive = async (arrival: Arrival): Promise<Receipt> => {
    const channel = this.channels.get(arrival.channel);
    if (channel === undefined)
      throw new EngineError('bug', 'INTAKE_CHANNEL_UNKNOWN', `no channel ${arrival.channel}`);
    const rows = readUnitHead(arrival.raw);
    const header = rows || isXml(arrival.raw) ? undefined : readMessageHeader(arrival.raw);
    const refused = arrival.unfit === undefined ? refusalOf(rows ?? header, channel) : unfit(arrival.unfit);
    try {
      if (refused) {
        await this.keep(arrival, channel, refused);
        return refused;
      }
      const entry = rows ? this.rowsOf(arrival, channel, rows) : this.entryOf(arrival, channel, header);
      const appended = await this.journal.append(entry);
      if (appended.position) this.nudge(appended.position.lane, appended.position.partition);
      return { outcome: 'journaled', ...appended };
    } catch (error) {
      // Nothing is known of the commit: silence, the sender resends, the idempotency key collapses it. Never a NAK.
      if (isEngineError(error, 'uncertain', 'unavailable')) return { outcome: 'uncertain' };
      throw error;
    }
  };

  private keep(arrival: Arrival, channel: IntakeChannel, { error }: Refused): Promise<void> {
    const { raw, receivedAtMs } = arrival;
    const kept = arrival.unfit === undefined ? '' : `; kept are its first ${raw.length} bytes`;
    const reason = `${error.message}${kept}`;
    const refusal = { channel: channel.id, receivedAtMs, code: error.code, reason, raw };
    return this.refusals.keep(refusal);
  }

  /** Rows have no control id; those of one patient are of one partition. */
  private rowsOf(arrival: Arrival, channel: IntakeChannel, { patient }: CsvUnitHead): JournalEntry {
    const { raw, receivedAtMs } = arrival;
    const whole = channel.order === 'strict' || patient === undefined;
    return {
      kind: journalKind.message,
      channel: channel.id,
      receivedAtMs,
      partition: partitionOf(this.tenant, whole ? `channel ${channel.name}` : patient),
      key: idempotencyKey(channel.name, arrival.identity ?? raw),
      raw,
    };
  }

  private entryOf(arrival: Arrival, channel: IntakeChannel, header: MessageHeader | undefined): JournalEntry {
    const { raw, receivedAtMs } = arrival;
    const byChannel = partitionOf(this.tenant, `channel ${channel.name}`);
    const patients = channel.order === 'strict' ? undefined : patientsOf(raw, header);
    const partition =
      patients?.patient === undefined ? byChannel : partitionOf(this.tenant, patients.patient);
    const other = patients?.other === undefined ? partition : partitionOf(this.tenant, patients.other);
    return {
      kind: journalKind.message,
      channel: channel.id,
      receivedAtMs,
      partition,
      ...(other === partition ? {} : { twinPartition: other }),
      key: idempotencyKey(channel.name, arrival.identity ?? raw),
      ...(header && {
        ...senderKeys(header.controlId, header.sendingApplication, header.sendingFacility),
      }),
      raw,
    };
  }
}

function patientsOf(
  raw: Buffer,
  header: MessageHeader | undefined,
): { readonly patient: string | undefined; readonly other: string | undefined } {
  return header ? findPatientIdentifiers(raw, header) : { patient: patientOfDocument(raw), other: undefined };
}

function refusalOf(
  header: MessageHeader | CsvUnitHead | undefined,
  channel: IntakeChannel,
): Refused | undefined {
  if (header === undefined) {
    if (channel.accept.includes(documents)) return undefined;
    const message = `the channel ${channel.name} does not accept documents; add CDA to accept`;
    return refuse('CDA_NOT_ACCEPTED', message, notAccepted);
  }
  if ('layout' in header) {
    if (channel.accept.includes(header.layout)) return undefined;
    const message = `the channel ${channel.name} does not accept rows of ${header.layout}`;
    return refuse('CSV_LAYOUT_NOT_ACCEPTED', message, notAccepted);
  }
  if (header.defect) {
    const { code, message, acknowledgment, condition, location } = header.defect;
    return refuse(code, message, { acknowledgment, condition, location });
  }
  if (header.isAcknowledgment) {
    const message = 'an acknowledgment came in; it is kept and never answered';
    return refuse('HL7_ACKNOWLEDGMENT_RECEIVED', message, {
      acknowledgment: 'AR',
      condition: '200',
      location: 'MSH^1^9',
    });
  }
  const { messageCode, triggerEvent } = header;
  if (
    channel.accept.includes(`${messageCode}^${triggerEvent}`) ||
    channel.accept.includes(`${messageCode}^*`)
  ) {
    return undefined;
  }
  const takesCode = channel.accept.some((type) => type.startsWith(`${messageCode}^`));
  const message = takesCode
    ? `the channel ${channel.name} does not accept this trigger event (MSH-9.2)`
    : `the channel ${channel.name} does not accept this message type (MSH-9.1)`;
  const condition = takesCode ? '201' : '200';
  return refuse('HL7_TYPE_NOT_ACCEPTED', message, { acknowledgment: 'AR', condition, location: 'MSH^1^9' });
}

/** Nobody answers these with HL7; a file's report has the code and the message. */
const notAccepted = { acknowledgment: 'AR', condition: '200', location: '' } as const;

/** HL7 table 0357, 102: data type error, the nearest that it has. */
function unfit(reason: string): Refused {
  return refuse('SOURCE_REFUSED', reason, { acknowledgment: 'AE', condition: '102', location: '' });
}

function refuse(code: string, message: string, hl7: Refused['hl7']): Refused {
  return { outcome: 'refused', error: new EngineError('rejected', code, message), hl7 };
}

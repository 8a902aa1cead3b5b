import type { MessageHeader } from '#hl7v2';

/** Senders whose last number is remembered; nearly nobody uses the protocol. */
const sendersMax = 1_000;

/**
 * The last sequence number (MSH-13) accepted from each sender, for the answer to one that starts the link anew
 * (HL7 2.5.1, 2.10.1). Lives in memory: after a restart the answer is -1, "any number is welcome". Order and
 * duplicates are not its business; the journal sees to them.
 */
export class SequenceNumbers {
  private readonly last = new Map<string, number>();

  /** The number to expect next from this sender; undefined when it sends none, or none is known. */
  expected(header: MessageHeader, isAccepted: boolean): number | undefined {
    if (header.sequenceNumber === '') return undefined;
    const number = Number(header.sequenceNumber);
    if (!Number.isSafeInteger(number)) return undefined;
    const sender = `${header.sendingApplication}|${header.sendingFacility}`;
    if (number === -1) this.last.delete(sender);
    else if (number > 0 && isAccepted) {
      this.last.delete(sender);
      this.last.set(sender, number);
      const oldest = this.last.keys().next();
      if (this.last.size > sendersMax && oldest.done === false) this.last.delete(oldest.value);
    }
    const last = this.last.get(sender);
    return last === undefined ? undefined : last + 1;
  }
}

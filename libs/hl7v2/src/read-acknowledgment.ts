import { EngineError } from '#kernel';
import { conditionTexts } from './header-defect.js';
import { parseMessage } from './parse-message.js';
import type { Segment } from './segment.js';

/** A peer's list of errors is read no further than this. */
const errorsMax = 100;

export interface AcknowledgmentError {
  /** Table 0357; empty when the peer names none. */
  readonly condition: string;
  readonly conditionText: string;
  /** ERL with carets, for instance 'PID^1^3'; empty when the peer names no place. */
  readonly location: string;
  /** E error, W warning, I information; E when the peer does not say. */
  readonly severity: string;
  /** ERR-8, or ERR-7. */
  readonly text: string;
}

/** A reply as its reader needs it. */
export interface ReceivedAcknowledgment {
  /** MSA-1: AA AE AR (application) or CA CE CR (commit); what else the peer wrote otherwise. */
  readonly code: string;
  readonly isPositive: boolean;
  readonly isCommit: boolean;
  /** MSA-2: MSH-10 of the message that is acknowledged. */
  readonly acknowledgedId: string;
  /** MSA-3. */
  readonly text: string;
  /** MSA-4. */
  readonly expectedSequenceNumber: string;
  readonly errors: readonly AcknowledgmentError[];
  /** MSH-10 of the reply itself. */
  readonly controlId: string;
}

/** Reads an acknowledgment of any version. Throws `rejected` HL7_NOT_AN_ACKNOWLEDGMENT when there is no MSA. */
export function readAcknowledgment(raw: Buffer): ReceivedAcknowledgment {
  const message = parseMessage(raw);
  const msa = message.first('MSA');
  if (msa === undefined)
    throw new EngineError('rejected', 'HL7_NOT_AN_ACKNOWLEDGMENT', 'the reply has no MSA segment');
  const code = valueOf(msa, 1).toUpperCase();
  return {
    code,
    isPositive: code === 'AA' || code === 'CA',
    isCommit: code.startsWith('C'),
    acknowledgedId: valueOf(msa, 2),
    text: msa.wholeText(3) ?? '',
    expectedSequenceNumber: valueOf(msa, 4),
    errors: message.all('ERR').slice(0, errorsMax).flatMap(errorsOf),
    controlId: message.header.controlId,
  };
}

/** ERR-2 to ERR-8 from version 2.5 on; before, every repetition of ERR-1 is one error. */
function errorsOf(err: Segment): AcknowledgmentError[] {
  if (err.isValued(2) || err.isValued(3)) {
    const condition = valueOf(err, 3);
    return [
      {
        condition,
        conditionText: err.value(3, 1, 2) ?? conditionTexts[condition] ?? '',
        location: locationOf(err, 2, 1, 6),
        severity: valueOf(err, 4) || 'E',
        text: err.wholeText(8) ?? err.wholeText(7) ?? '',
      },
    ];
  }
  const errors: AcknowledgmentError[] = [];
  const repetitions = Math.min(err.repetitions(1), errorsMax);
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    const condition = err.value(1, repetition, 4, 1) ?? '';
    const conditionText = err.value(1, repetition, 4, 2) ?? conditionTexts[condition] ?? '';
    errors.push({
      condition,
      conditionText,
      location: locationOf(err, 1, repetition, 3),
      severity: 'E',
      text: '',
    });
  }
  return errors;
}

function locationOf(err: Segment, field: number, repetition: number, components: number): string {
  const parts: string[] = [];
  for (let component = 1; component <= components; component++) {
    parts.push(err.value(field, repetition, component) ?? '');
  }
  return parts.join('^').replace(/\^+$/, '');
}

function valueOf(segment: Segment, field: number): string {
  return segment.value(field) ?? '';
}

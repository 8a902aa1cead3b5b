/**
 * What is wrong with a message header, in the terms of an acknowledgment (HL7 2.5.1, 2.9.2: a message whose
 * MSH-9, MSH-11 or MSH-12 is not acceptable is rejected, AR; any other error is AE). `code` is an error code of
 * the engine, `condition` a code of table 0357, `location` an ERL with carets.
 */
export interface HeaderDefect {
  readonly code:
    | 'HL7_MSH_MISSING'
    | 'HL7_SEPARATORS_INVALID'
    | 'HL7_MESSAGE_TYPE_MISSING'
    | 'HL7_CONTROL_ID_MISSING'
    | 'HL7_VERSION_MISSING'
    | 'HL7_VERSION_UNSUPPORTED';
  readonly acknowledgment: 'AE' | 'AR';
  readonly condition: string;
  readonly location: string;
  /** For people; never holds message content. */
  readonly message: string;
}

export const headerDefects = {
  mshMissing: {
    code: 'HL7_MSH_MISSING',
    acknowledgment: 'AE',
    condition: '100',
    location: 'MSH^1',
    message: 'the message does not begin with an MSH segment',
  },
  separatorsInvalid: {
    code: 'HL7_SEPARATORS_INVALID',
    acknowledgment: 'AE',
    condition: '102',
    location: 'MSH^1^2',
    message: 'the separators in MSH-1 and MSH-2 repeat, are missing or are letters, digits, quotes or spaces',
  },
  messageTypeMissing: {
    code: 'HL7_MESSAGE_TYPE_MISSING',
    acknowledgment: 'AR',
    condition: '101',
    location: 'MSH^1^9',
    message: 'MSH-9 (message type) is empty',
  },
  controlIdMissing: {
    code: 'HL7_CONTROL_ID_MISSING',
    acknowledgment: 'AE',
    condition: '101',
    location: 'MSH^1^10',
    message: 'MSH-10 (message control id) is empty',
  },
  versionMissing: {
    code: 'HL7_VERSION_MISSING',
    acknowledgment: 'AR',
    condition: '101',
    location: 'MSH^1^12',
    message: 'MSH-12 (version) is empty',
  },
  versionUnsupported: {
    code: 'HL7_VERSION_UNSUPPORTED',
    acknowledgment: 'AR',
    condition: '203',
    location: 'MSH^1^12',
    message: 'MSH-12 names no version of HL7 from 2.1 to 2.9',
  },
} as const satisfies Readonly<Record<string, HeaderDefect>>;

/** Table 0357 (HL7 2.5.1): texts of the conditions an acknowledgment may carry. */
export const conditionTexts: Readonly<Record<string, string>> = {
  '0': 'Message accepted',
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '104': 'Value too long',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '206': 'Application record locked',
  '207': 'Application internal error',
};

export type {
  Acknowledged,
  Arrival,
  Destination,
  Hl7Refusal,
  Outbound,
  Receipt,
  Receive,
  SendOutcome,
  Source,
} from './contracts.js';

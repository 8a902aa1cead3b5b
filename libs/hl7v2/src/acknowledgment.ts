import { widened } from './batch.js';
import { conditionTexts } from './header-defect.js';
import { isKnownVersion, type MessageHeader } from './message-header.js';
import { type Separators, standardSeparators } from './separators.js';

/** An echoed field is cut here; no real MSH-3 or MSH-10 is longer, and a hostile one shall not fill the reply. */
const echoMax = 1_024;
const textMax = 250;
/** What a sender gets whose own version is unknown. */
const ownVersion = '2.5.1';

export type AcknowledgmentCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** What became of a message, as far as its sender is told. */
export type AcknowledgmentOutcome =
  | { readonly outcome: 'accepted' }
  | {
      readonly outcome: 'refused';
      readonly acknowledgment: 'AE' | 'AR';
      /** Table 0357. */
      readonly condition: string;
      /** ERL with carets, for instance 'MSH^1^9'; empty when no place can be named. */
      readonly location: string;
      /** For people; must not hold message content. */
      readonly text?: string;
    };

export interface AcknowledgmentOptions {
  readonly nowMs: number;
  /** A new MSH-10 at every call, unique for ever, at most 20 characters of A-Z a-z 0-9. */
  readonly ownId: () => string;
  /** Answer to a sender that (re)starts the sequence number protocol: last accepted number + 1; unknown: -1. */
  readonly expectedSequenceNumber?: number;
}

export interface Acknowledgment {
  readonly code: AcknowledgmentCode;
  /** The acknowledgment message, without MLLP framing. */
  readonly bytes: Buffer;
}

const none: readonly Acknowledgment[] = [];

/**
 * The acknowledgments a message asks for, in the order in which they must be sent: none, one, or a commit
 * acknowledgment followed by an application acknowledgment (HL7 2.5.1, 2.9). Always well-formed, whatever came in;
 * of the message it repeats only MSH-10, the sender and receiver fields and what the protocol demands. An
 * acknowledgment is never acknowledged.
 */
export function acknowledge(
  header: MessageHeader,
  outcome: AcknowledgmentOutcome,
  options: AcknowledgmentOptions,
): readonly Acknowledgment[] {
  if (header.isAcknowledgment) return none;
  const codes = wantedCodes(header, outcome);
  if (codes.length === 0) return none;
  const writer = new AcknowledgmentWriter(header, outcome, options);
  return codes.map((code) => ({ code, bytes: writer.write(code) }));
}

/**
 * Original mode when neither MSH-15 nor MSH-16 is valued. In enhanced mode an empty field means NE, and a value
 * outside table 0155 means AL: answering too often hurts nobody. A message refused at commit level gets no
 * application acknowledgment, because no application saw it.
 */
function wantedCodes(header: MessageHeader, outcome: AcknowledgmentOutcome): AcknowledgmentCode[] {
  const isAccepted = outcome.outcome === 'accepted';
  const application = outcome.outcome === 'accepted' ? 'AA' : outcome.acknowledgment;
  const accept = header.acceptAcknowledgment;
  const byApplication = header.applicationAcknowledgment;
  if (accept === '' && byApplication === '') return [application];
  const codes: AcknowledgmentCode[] = [];
  if (isWanted(accept, isAccepted)) codes.push(commitCode(application));
  if (isWanted(byApplication, isAccepted) && (isAccepted || codes.length === 0)) codes.push(application);
  return codes;
}

function isWanted(condition: string, isAccepted: boolean): boolean {
  switch (condition.toUpperCase()) {
    case '':
    case 'NE':
    case '""':
      return false;
    case 'ER':
      return !isAccepted;
    case 'SU':
      return isAccepted;
    default:
      return true;
  }
}

function commitCode(application: 'AA' | 'AE' | 'AR'): AcknowledgmentCode {
  switch (application) {
    case 'AA':
      return 'CA';
    case 'AE':
      return 'CE';
    case 'AR':
      return 'CR';
  }
}

class AcknowledgmentWriter {
  private readonly separators: Separators;
  /** Fields of a message whose separators are unusable are escaped, because the reply has other separators. */
  private readonly mustEscape: boolean;
  private readonly version: string;

  constructor(
    private readonly header: MessageHeader,
    private readonly outcome: AcknowledgmentOutcome,
    private readonly options: AcknowledgmentOptions,
  ) {
    const defect = header.defect?.code;
    this.mustEscape = defect === 'HL7_SEPARATORS_INVALID' || defect === 'HL7_MSH_MISSING';
    this.separators = this.mustEscape ? standardSeparators : header.separators;
    this.version = isKnownVersion(header.version) ? header.version : ownVersion;
  }

  write(code: AcknowledgmentCode): Buffer {
    let text = `${this.msh()}\r${this.msa(code)}\r`;
    if (this.outcome.outcome === 'refused') text += `${this.err(this.outcome)}\r`;
    const bytes = Buffer.from(text, 'latin1');
    const wide = this.header.wide;
    if (wide === undefined) return bytes;
    const encoded = widened(bytes, wide);
    return wide.markLength === 0 ? encoded.subarray(2) : encoded;
  }

  private msh(): string {
    const { field: f, encoding } = this.separators;
    const msh =
      `MSH${f}${encoding}${f}${this.echo(5)}${f}${this.echo(6)}${f}${this.echo(3)}${f}${this.echo(4)}${f}` +
      `${timestamp(this.options.nowMs, this.version)}${f}${f}${this.messageType()}${f}${this.options.ownId()}${f}` +
      `${this.processingId()}${f}${this.versionId()}`;
    const characterSet = this.echo(18);
    return characterSet === '' ? msh : msh + f.repeat(6) + characterSet;
  }

  /** MSH-9: ACK^trigger^ACK from 2.3.1 on, ACK^trigger in 2.2 and 2.3, ACK in 2.1 or without a trigger. */
  private messageType(): string {
    const c = this.separators.component;
    const trigger = /^[A-Za-z0-9]{3}$/.test(this.header.triggerEvent) ? this.header.triggerEvent : '';
    if (trigger === '' || this.version === '2.1') return 'ACK';
    const structured = this.version !== '2.2' && this.version !== '2.3';
    return structured ? `ACK${c}${trigger}${c}ACK` : `ACK${c}${trigger}`;
  }

  /** MSH-11 with its mode, when it looks like table 0103; else production. */
  private processingId(): string {
    const parts = (this.header.wire[11] ?? '').split(this.header.separators.component, 2);
    const id = parts[0]?.trim() ?? '';
    if (!/^[A-Za-z]$/.test(id)) return 'P';
    const mode = parts[1]?.trim() ?? '';
    return /^[A-Za-z]$/.test(mode) ? `${id}${this.separators.component}${mode}` : id;
  }

  /** The sender's MSH-12 with its country components when the version is known; else our own version. */
  private versionId(): string {
    return this.version === this.header.version ? this.echo(12) : this.version;
  }

  private msa(code: AcknowledgmentCode): string {
    const f = this.separators.field;
    const refused = this.outcome.outcome === 'refused' ? this.outcome : undefined;
    // ERR-3 and ERR-8 say it from 2.5 on; before, MSA-3 is the place for a sentence.
    const text = refused === undefined || this.hasErrorFields() ? '' : this.escaped(sentence(refused));
    const sequence = this.sequenceNumber();
    const msa = `MSA${f}${code}${f}${this.echo(10)}`;
    if (sequence !== '') return `${msa}${f}${text}${f}${sequence}`;
    return text === '' ? msa : `${msa}${f}${text}`;
  }

  /**
   * MSA-4 (HL7 2.5.1, 2.10.1): the number of an accepted message is echoed; 0, with which a sender starts the link,
   * is answered with the number expected next, or -1 when there is none; -1 (forget the number) with -1.
   */
  private sequenceNumber(): string {
    const sent = this.header.sequenceNumber;
    if (sent === '-1') return '-1';
    if (!/^\d{1,10}$/.test(sent)) return '';
    if (Number(sent) === 0) return String(this.options.expectedSequenceNumber ?? -1);
    return this.outcome.outcome === 'accepted' ? sent : String(this.options.expectedSequenceNumber ?? sent);
  }

  private err(refused: AcknowledgmentOutcome & { outcome: 'refused' }): string {
    const { field: f, component: c, subcomponent: s } = this.separators;
    const text = conditionTexts[refused.condition] ?? '';
    const location = refused.location.split('^').join(c);
    if (!this.hasErrorFields()) {
      // ERR-1 before 2.5: segment^sequence^field^code, the code divided by subcomponents.
      const code = s === '' ? refused.condition : `${refused.condition}${s}${text}${s}HL70357`;
      const parts = location === '' ? [] : location.split(c).slice(0, 3);
      while (parts.length < 3) parts.push('');
      return `ERR${f}${parts.join(c)}${c}${code}`;
    }
    const err = `ERR${f}${f}${location}${f}${refused.condition}${c}${text}${c}HL70357${f}E`;
    return refused.text === undefined ? err : `${err}${f.repeat(4)}${this.escaped(refused.text)}`;
  }

  /** ERR-2 to ERR-12 exist from version 2.5 on. */
  private hasErrorFields(): boolean {
    return this.version >= '2.5';
  }

  /** MSH-n of the message as it came, without control characters and not longer than the bound. */
  private echo(field: number): string {
    const value = this.header.wire[field];
    if (value === undefined || value === '') return '';
    const kept = withoutControls(value.length > echoMax ? value.slice(0, echoMax) : value);
    return this.mustEscape ? this.escaped(kept) : kept;
  }

  private escaped(text: string): string {
    const { field, component, repetition, escape, subcomponent } = this.separators;
    let result = '';
    for (const character of text.slice(0, echoMax)) {
      if (character.charCodeAt(0) < 0x20) result += ' ';
      else if (escape !== '' && character === escape) result += `${escape}E${escape}`;
      else if (character === field) result += sequence(escape, 'F');
      else if (character === component) result += sequence(escape, 'S');
      else if (character === repetition) result += sequence(escape, 'R');
      else if (character === subcomponent) result += sequence(escape, 'T');
      else result += character;
    }
    return result;
  }
}

/** Where the sender declares no escape character, a separator inside a text can only become a space. */
function sequence(escape: string, letter: string): string {
  return escape === '' ? ' ' : `${escape}${letter}${escape}`;
}

function sentence(refused: AcknowledgmentOutcome & { outcome: 'refused' }): string {
  return (refused.text ?? conditionTexts[refused.condition] ?? '').slice(0, textMax);
}

function withoutControls(value: string): string {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    // ESC belongs to ISO 2022; a tab may be a separator, and harms no framing.
    if (code < 0x20 && code !== 0x1b && code !== 0x09) return strippedOfControls(value);
  }
  return value;
}

function strippedOfControls(value: string): string {
  let kept = '';
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0x20 || code === 0x1b || code === 0x09) kept += value.charAt(i);
  }
  return kept;
}

let cachedMs = Number.NaN;
let cachedText = '';

/** UTC with milliseconds and offset; without offset before 2.3, where TS had none. */
function timestamp(nowMs: number, version: string): string {
  if (nowMs !== cachedMs) {
    cachedMs = nowMs;
    cachedText = new Date(nowMs).toISOString().replace(/[-T:Z]/g, '');
  }
  return version < '2.3' ? cachedText.slice(0, 14) : `${cachedText}+0000`;
}

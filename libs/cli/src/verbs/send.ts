import { MllpClient, type MllpReply } from '#connectors';
import { readMessageHeader } from '#hl7v2';
import { isEngineError } from '#kernel';
import { codeText, refusalLines } from '../acknowledgment-text.js';
import { UsageError } from '../arguments.js';
import { type FoundMessage, listFiles, messageLabel, readMessages } from '../message-files.js';
import { type MllpAddress, receiverOf } from '../mllp-address.js';
import { SendTally } from '../send-tally.js';
import { type Call, type ExitCode, exitCode, type Verb } from '../verb.js';

/** A receiver that answers none of so many does not answer the next one either. */
const MAX_UNANSWERED_IN_A_ROW = 3;

export const send: Verb = {
  usage: '<file or folder>...',
  about: [
    'Sends HL7 v2 messages over MLLP, one after the other, and shows each acknowledgment: code, control id (MSH-10),',
    'time to the answer, and for a refusal what was wrong and where. Files may hold several messages (batches with',
    'FHS/BHS, plain sequences, MLLP frames). "-" reads standard input. Without an address: 127.0.0.1 and',
    'SUTURE_MLLP_PORT (2575).',
  ],
  options: {
    host: { type: 'string', value: '<host>', about: 'receiver; default 127.0.0.1' },
    port: { type: 'string', value: '<port>', about: 'its port; default SUTURE_MLLP_PORT, else 2575' },
    channel: {
      type: 'string',
      short: 'c',
      value: '<name>',
      about: 'take the address from this channel file',
    },
    tls: { type: 'boolean', about: 'speak TLS' },
    ca: { type: 'string', value: '<file>', about: 'authority of the receiver, PEM; implies --tls' },
    cert: { type: 'string', value: '<file>', about: 'own certificate, PEM; with --key' },
    key: { type: 'string', value: '<file>', about: 'own private key, PEM' },
    'server-name': {
      type: 'string',
      value: '<name>',
      about: "name in the receiver's certificate, if not the host",
    },
    timeout: { type: 'string', value: '<time>', about: 'wait for an acknowledgment; default 30s' },
    'keep-going': {
      type: 'boolean',
      about: `go on after ${MAX_UNANSWERED_IN_A_ROW} messages in a row without an answer`,
    },
    quiet: { type: 'boolean', short: 'q', about: 'show only what was refused or not answered' },
  },
  exits: {
    ok: 'every message was accepted',
    no: 'a message was refused or not answered, or there was none',
  },
  examples: [
    'send test/fixtures/hl7v2',
    'send admit.hl7 --host 10.1.2.3 --port 6661',
    'send archive/ --channel laboratory --quiet',
    'send admit.hl7 --ca hospital-ca.pem --cert me.crt --key me.key --port 6661',
  ],
  run,
};

async function run(call: Call): Promise<ExitCode> {
  const { terminal, json, settings } = call;
  if (call.arguments.words.length === 0) throw new UsageError('a file or folder is missing');
  const files = await listFiles(call.arguments.words, settings.typedFrom);
  const address = await receiverOf(call);
  const client = new MllpClient({
    ...address,
    replyTimeoutMs: call.arguments.durationMs('timeout') ?? 30_000,
    otherReply: (reply) => tellOther(call, reply),
  });
  const tally = new SendTally(Math.max(0, ...files.slice(0, 1_000).map((file) => file.label.length)));
  try {
    for (const [index, file] of files.entries()) {
      if (terminal.stop.aborted) break;
      const messages = await readMessages(file);
      if (messages.length === 0) terminal.note(`${file.label}: no HL7 v2 message in it`);
      for (const message of messages) {
        if (terminal.stop.aborted) break;
        terminal.progress(`sending to ${address.host}:${address.port}: file ${index + 1} of ${files.length}`);
        const goesOn = await sendOne(call, client, message, tally);
        if (!goesOn) return tellStopped(call, address, tally);
      }
    }
  } finally {
    await client.close();
  }
  if (json) terminal.out(JSON.stringify({ summary: tally.summary() }));
  else terminal.out(tally.sentence());
  return tally.sent > 0 && tally.refused + tally.unanswered === 0 ? exitCode.ok : exitCode.no;
}

/** False when the receiver cannot be reached or answers nothing any more: the rest would fail alike. */
async function sendOne(
  call: Call,
  client: MllpClient,
  message: FoundMessage,
  tally: SendTally,
): Promise<boolean> {
  const startedMs = performance.now();
  try {
    const reply = await client.send(message.raw);
    const tookMs = performance.now() - startedMs;
    tally.note(reply?.acknowledgment.isPositive ?? true, tookMs);
    tell(call, message, reply, tookMs, tally.labelWidth);
    return true;
  } catch (error) {
    if (!isEngineError(error)) throw error;
    if (error.kind === 'unavailable' || error.kind === 'misconfigured') {
      tally.stoppedBy = error;
      return false;
    }
    tally.noteUnanswered();
    tellUnanswered(call, message, error.message, error.code);
    return tally.unansweredInARow < MAX_UNANSWERED_IN_A_ROW || call.arguments.has('keep-going');
  }
}

function tell(
  call: Call,
  message: FoundMessage,
  reply: MllpReply | undefined,
  tookMs: number,
  labelWidth: number,
): void {
  const { terminal, json } = call;
  const header = readMessageHeader(message.raw);
  const type = `${header.messageCode}^${header.triggerEvent}`;
  const acknowledgment = reply?.acknowledgment;
  if (json) {
    const { code = null, isPositive = true, text = '', errors = [] } = acknowledgment ?? {};
    const facts = { file: message.file.path, number: message.number, type, controlId: header.controlId };
    terminal.out(JSON.stringify({ ...facts, code, accepted: isPositive, text, errors, ms: round(tookMs) }));
    return;
  }
  if (call.arguments.has('quiet') && acknowledgment?.isPositive !== false) return;
  const code = acknowledgment === undefined ? '--' : codeText(acknowledgment, terminal);
  const took =
    acknowledgment === undefined ? whyUnanswered(header.isAcknowledgment) : `${tookMs.toFixed(1)} ms`;
  const label = messageLabel(message).padEnd(labelWidth);
  const controlId = (header.controlId || '(no control id)').padEnd(16);
  terminal.out(`${code}  ${label}  ${type.padEnd(7)}  ${controlId}  ${took}`);
  if (acknowledgment !== undefined)
    for (const line of refusalLines(acknowledgment)) terminal.out(`    ${line}`);
}

function whyUnanswered(isAcknowledgment: boolean): string {
  return isAcknowledgment ? 'is itself an acknowledgment; nothing answers it' : 'asks for no acknowledgment';
}

function tellUnanswered(call: Call, message: FoundMessage, reason: string, code: string): void {
  const { terminal, json } = call;
  if (json) {
    const { path } = message.file;
    terminal.out(
      JSON.stringify({ file: path, number: message.number, accepted: false, error: { code, reason } }),
    );
  } else terminal.out(`${terminal.paint('bad', '??')}  ${messageLabel(message)}  ${reason}`);
}

/** Such as an application acknowledgment that comes after the commit acknowledgment (enhanced mode). */
function tellOther({ terminal, json }: Call, { acknowledgment }: MllpReply): void {
  const { code, acknowledgedId } = acknowledgment;
  if (json) terminal.out(JSON.stringify({ other: { code, controlId: acknowledgedId } }));
  else terminal.out(`    ${codeText(acknowledgment, terminal)}  came for ${acknowledgedId || 'no message'}`);
}

function tellStopped({ terminal, json }: Call, address: MllpAddress, tally: SendTally): ExitCode {
  const { stoppedBy } = tally;
  if (json) terminal.out(JSON.stringify({ summary: tally.summary(), stopped: true }));
  else if (tally.sent > 0) terminal.out(tally.sentence());
  if (stoppedBy === undefined) {
    terminal.note(
      `Stopped: ${MAX_UNANSWERED_IN_A_ROW} messages in a row were not answered; what follows was not sent.`,
    );
    terminal.note('What is not answered may be sent again: the engine stores the same message once.');
    if (address.isOwn) terminal.note('What stands in the way: suture doctor');
    return exitCode.no;
  }
  terminal.note(`${stoppedBy.message} [${stoppedBy.code}]`);
  if (stoppedBy.kind === 'unavailable') {
    terminal.note(
      address.isOwn
        ? 'Does the engine run? Start it with: npm start. Where it listens stands in its first lines.'
        : 'Check host, port and firewall, and whether the receiver runs.',
    );
  }
  return exitCode.failed;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

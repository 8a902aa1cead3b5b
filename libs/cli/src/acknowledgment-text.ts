import type { MllpReply } from '#connectors';
import type { Terminal } from './terminal.js';

type Acknowledgment = MllpReply['acknowledgment'];

/** What the codes of table 0008 say, in a word. */
const meanings: Record<string, string> = {
  AA: 'accepted',
  CA: 'accepted',
  AE: 'refused: an error in the message',
  CE: 'refused: an error in the message',
  AR: 'refused',
  CR: 'refused',
};

/** The code in its colour. */
export function codeText({ code, isPositive }: Acknowledgment, terminal: Terminal): string {
  return terminal.paint(isPositive ? 'good' : 'bad', code === '' ? '??' : code);
}

/** Lines that explain a refusal: condition, place and text of each error, as far as the receiver names them. */
export function refusalLines(acknowledgment: Acknowledgment): string[] {
  const { code, isPositive, text, errors } = acknowledgment;
  if (isPositive) return [];
  const lines = errors.map((error) => {
    const condition = [error.condition, error.conditionText].filter((part) => part !== '').join(' ');
    const place = error.location === '' ? '' : ` at ${error.location}`;
    return `${condition || 'error'}${place}${error.text === '' ? '' : ` - ${error.text}`}`;
  });
  if (lines.length > 0) return lines;
  return [text === '' ? (meanings[code] ?? 'the code is none of table 0008') : text];
}

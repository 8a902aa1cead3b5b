import { formatPosition, type Position } from '#kernel';
import type { audit } from '#ledger';
import type { Terminal } from './terminal.js';

type Finding = Awaited<ReturnType<typeof audit>>['findings'][number];

/** One line: the code, what it is about, and what is wrong. */
export function findingText(
  { code, message, file, leaves, messages, detail }: Finding,
  terminal: Terminal,
): string {
  const about = [
    message === undefined ? '' : `message ${formatPosition(message)}`,
    file === undefined ? '' : `file ${file}`,
    leaves === undefined ? '' : rangeText('leaf', 'leaves', leaves[0], leaves[1]),
    messages === undefined ? '' : rangeText('message', 'messages', nameOf(messages[0]), nameOf(messages[1])),
  ];
  return `${terminal.paint('bad', code)}  ${about.filter((part) => part !== '').join(', ')}: ${detail}`;
}

function nameOf(position: Position | undefined): string {
  return position === undefined ? 'unknown' : formatPosition(position);
}

function rangeText<T extends string | number>(one: string, many: string, first: T, last: T): string {
  return first === last ? `${one} ${first}` : `${many} ${first} to ${last}`;
}

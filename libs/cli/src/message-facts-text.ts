import type { MessageFacts, MessageLine } from './message-facts.js';
import type { TracedRoute } from './message-routes.js';
import type { Colour, Terminal } from './terminal.js';
import { columns } from './text-table.js';
import { counted, durationText, momentText } from './time-text.js';

/** Resources named one by one; a message with more is summed up by type. */
const MAX_RESOURCE_LINES = 30;

const fateColours: Record<MessageLine['state'], Colour> = {
  waiting: 'doubtful',
  transformed: 'good',
  filtered: 'quiet',
  dead: 'bad',
};

const deliveryColours: Record<TracedRoute['state'], Colour> = {
  waiting: 'doubtful',
  retrying: 'doubtful',
  sending: 'doubtful',
  sent: 'good',
  dead: 'bad',
};

/** The same as `messageRows` for one line of an endless list: columns are as wide as they usually are. */
export function tapRow(line: MessageLine, terminal: Terminal): string {
  const [row = ''] = columns([
    [
      line.position.padEnd(10),
      momentText(line.receivedAtMs),
      line.channel.padEnd(12),
      typeText(line).padEnd(8),
      terminal.paint(fateColours[line.state], line.state),
    ],
  ]);
  return row;
}

function typeText({ kind, type }: MessageLine): string {
  return kind === 'message' ? type : `${type} (${kind})`;
}

/** One line each: what a person chooses from. */
export function messageRows(lines: readonly MessageLine[], terminal: Terminal): string[] {
  return columns(
    lines.map((line) => [
      line.position,
      momentText(line.receivedAtMs),
      line.channel,
      typeText(line),
      line.controlId,
      terminal.paint(fateColours[line.state], line.state),
    ]),
  );
}

/** The story of one message: what happened, when, and how long after it was received. */
export function storyLines(facts: MessageFacts, nowMs: number, terminal: Terminal): string[] {
  const title = `message ${facts.position}  ${facts.type}  control id ${facts.controlId || '(none)'}  channel ${facts.channel || '(unknown)'}`;
  const rows = [
    ...receivedRows(facts),
    ...outcomeRows(facts, terminal),
    ...facts.deliveries.flatMap((route) => deliveryRows(route, facts.receivedAtMs, nowMs, terminal)),
    anchoredRow(facts, terminal),
  ];
  return [title, ...columns(rows.map((row) => ['', ...row])), ...afterwards(facts)];
}

type Row = readonly [step: string, what: string, when: string];

function since(atMs: number, startMs: number): string {
  return `${momentText(atMs)} (+${durationText(Math.max(0, atMs - startMs))})`;
}

function receivedRows(facts: MessageFacts): Row[] {
  const { receivedAtMs, acknowledged, kind, refers } = facts;
  const received: Row = ['received', counted(facts.bytes, 'byte'), momentText(receivedAtMs)];
  const note = facts.controlIdReused ? 'the sender used this control id before, for other bytes' : '';
  const journaled: Row = ['journaled', `as ${facts.position}${note === '' ? '' : `; ${note}`}`, ''];
  if (kind === 'replay')
    return [['replayed', `runs ${refers ?? 'a message'} again`, momentText(receivedAtMs)], journaled];
  if (kind === 'twin marker')
    return [
      [
        'journaled',
        `stands here for ${refers ?? 'a message'}, which touches two patients`,
        momentText(receivedAtMs),
      ],
    ];
  if (kind === 'FHIR write') return [received, journaled];
  if (acknowledged === undefined) return [received, journaled, ['acknowledged', 'not noted', '']];
  return [received, journaled, ['acknowledged', acknowledged.code, since(acknowledged.atMs, receivedAtMs)]];
}

function outcomeRows({ outcome, state, receivedAtMs }: MessageFacts, terminal: Terminal): Row[] {
  const word = terminal.paint(fateColours[state], state);
  if (outcome === undefined) return [['transformed', terminal.paint('doubtful', 'waiting for its turn'), '']];
  const when = since(outcome.atMs, receivedAtMs);
  if (state !== 'transformed') return [[word, `${outcome.code ?? ''}: ${outcome.reason ?? ''}`, when]];
  const mapping = `mapping ${outcome.mapping.slice(0, 12)}`;
  return [
    [word, mapping, when],
    ['stored', counted(outcome.resources.length, 'resource'), ''],
    ...resourceTexts(outcome.resources).map((text): Row => ['', text, '']),
  ];
}

function resourceTexts(resources: NonNullable<MessageFacts['outcome']>['resources']): string[] {
  if (resources.length <= MAX_RESOURCE_LINES) {
    return resources.map(({ type, id, version, currentVersion }) => {
      if (version === undefined) return `${type}/${id}  unchanged, version ${currentVersion ?? '?'}`;
      const now = currentVersion === version ? '' : `, now ${currentVersion ?? 'gone'}`;
      return `${type}/${id}  version ${version}${now}`;
    });
  }
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${count} ${type}`);
}

function deliveryRows(route: TracedRoute, receivedAtMs: number, nowMs: number, terminal: Terminal): Row[] {
  const { to, event, state, attempts, atMs, nextAttemptAtMs, lastError, ahead } = route;
  const facts = [
    `${terminal.paint(deliveryColours[state], state)} to ${to}`,
    event === undefined ? '' : `event ${event}`,
    attempts > 1 || (attempts > 0 && state !== 'sent') ? counted(attempts, 'attempt') : '',
    ahead > 0 ? `${ahead} before it` : '',
  ];
  const what = facts.filter((fact) => fact !== '').join(', ');
  const when = atMs === undefined ? nextAttemptText(nextAttemptAtMs, nowMs) : since(atMs, receivedAtMs);
  const row: Row = [state === 'sent' ? 'delivered' : 'delivery', what, when];
  return lastError === undefined ? [row] : [row, ['', `last error: ${lastError}`, '']];
}

function nextAttemptText(atMs: number | undefined, nowMs: number): string {
  if (atMs === undefined) return '';
  return atMs > nowMs ? `next attempt in ${durationText(atMs - nowMs)}` : 'next attempt is due';
}

function anchoredRow({ anchored, receivedAtMs }: MessageFacts, terminal: Terminal): Row {
  if (anchored === undefined) return ['anchored', terminal.paint('doubtful', 'not yet'), ''];
  const { index, checkpoint } = anchored;
  if (checkpoint === undefined) return ['anchored', `leaf ${index}, no checkpoint signed for it yet`, ''];
  return [
    'anchored',
    `leaf ${index}, checkpoint of size ${checkpoint.size}`,
    since(checkpoint.atMs, receivedAtMs),
  ];
}

function afterwards({ replays, state, position }: MessageFacts): string[] {
  if (replays.length > 0) return [`It was run again as ${replays.join(', ')}.`];
  return state === 'dead' ? [`Once its cause is mended: suture replay ${position}`] : [];
}

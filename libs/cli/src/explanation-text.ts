import type { ElementLineage, MappingReport } from '#mapping';
import type { LeafFate } from './leaf-filter.js';
import type { Terminal } from './terminal.js';
import { columns } from './text-table.js';

/** What became of the values of one message. */
export interface Explanation {
  readonly message: string;
  readonly type: string;
  readonly channel: string | undefined;
  /** Over `suture`, the highest last. */
  readonly layers: readonly string[];
  readonly map: string | undefined;
  readonly complete: boolean;
  readonly resources: Readonly<Record<string, number>>;
  readonly report: MappingReport | undefined;
  /** Of each value that was asked for; undefined: nobody asked for single values. */
  readonly leaves: readonly LeafFate[] | undefined;
  /** Where each value of the resources that was asked for comes from; undefined: nobody asked. */
  readonly elements: readonly ElementLineage[] | undefined;
  /** Why there is no report. */
  readonly problem: string | undefined;
}

/** Digits of an id that tell resources of one message apart for a person. */
const SHOWN_ID = 6;
/** Places named for one rule before the rest is only counted. */
const MAX_PLACES = 8;

/** The account of one message, for a person. */
export function explanationLines(
  explanation: Explanation,
  { everyDrop }: { everyDrop: boolean },
  terminal: Terminal,
): string[] {
  const { report, problem, resources } = explanation;
  const title = titleOf(explanation);
  if (report === undefined) return [title, `  ${terminal.paint('bad', problem ?? 'it was not mapped')}`];
  const made = Object.entries(resources).map(([name, count]) => `${count} ${name}`);
  const lines = [title, `  made      ${made.join(', ') || 'nothing'}`, `  mapped    ${report.mapped}`];
  lines.push(`  dropped   ${report.droppedCount}`, ...droppedLines(report.dropped, everyDrop));
  const unmapped = String(report.unmappedCount);
  lines.push(`  unmapped  ${report.unmappedCount === 0 ? unmapped : terminal.paint('doubtful', unmapped)}`);
  lines.push(...placeLines(report.unmapped));
  if (report.errors.length > 0)
    lines.push(`  errors    ${terminal.paint('bad', String(report.errors.length))}`);
  for (const { code, path, rule, message: text } of report.errors)
    lines.push(`    ${path}  ${rule}  ${code}: ${text}`);
  return lines;
}

function titleOf({ message, type, map, channel, layers }: Explanation): string {
  const parts = [message, type, map === undefined ? 'no map' : `map ${map}`];
  if (layers.length > 0) parts.push(`layers ${layers.join(', ')}`);
  if (channel !== undefined) parts.push(`as channel ${channel}`);
  return parts.join('  ');
}

/** One line for each value that was asked for: of the message, and of the resources. */
export function valueLines(explanation: Explanation, terminal: Terminal): string[] {
  const { leaves = [], elements = [], problem } = explanation;
  const title = titleOf(explanation);
  if (problem !== undefined) return [title, `  ${terminal.paint('bad', problem)}`];
  if (leaves.length + elements.length === 0)
    return [title, '  there is no such value in it, and no rule that gave such an element'];
  const rows = leaves.map(({ path, fate, rule, why }) => [
    `  ${path}`,
    fate === 'unmapped' ? terminal.paint('doubtful', fate) : fate,
    rule,
    why,
  ]);
  const origins = elements.map(({ resource, element, sources, rule, file, line, table }) => [
    `  ${resource.slice(0, resource.indexOf('/') + 1 + SHOWN_ID)}.${element}`,
    sources.length === 0 ? 'said by the rule' : `from ${sources.join(' ')}`,
    rule,
    `${file}:${line}${table === undefined ? '' : `, ${table.file}:${table.line}`}`,
  ]);
  return [title, ...columns(rows), ...columns(origins)];
}

/** Places below one field stand in one line: `ORC[1]-21[1]  .1 .2 .6.1`. */
function placeLines(places: readonly string[]): string[] {
  const fields = new Map<string, string[]>();
  for (const place of places) {
    const dot = place.indexOf('.');
    const field = dot < 0 ? place : place.slice(0, dot);
    const parts = fields.get(field) ?? [];
    if (dot >= 0) parts.push(place.slice(dot));
    fields.set(field, parts);
  }
  return columns([...fields].map(([field, parts]) => [`    ${field}`, parts.join(' ')]));
}

interface Dropped {
  readonly path: string;
  readonly rule: string;
  readonly reason: string;
}

/** One line for each rule; its places in a row. */
function droppedLines(dropped: readonly Dropped[], everyDrop: boolean): string[] {
  const rules = new Map<string, { reason: string; places: string[] }>();
  for (const { path, rule, reason } of dropped) {
    const known = rules.get(rule);
    if (known === undefined) rules.set(rule, { reason, places: [path] });
    else known.places.push(path);
  }
  return columns(
    [...rules].map(([rule, { reason, places }]) => {
      const named = everyDrop ? places : places.slice(0, MAX_PLACES);
      const rest = places.length > named.length ? `, and ${places.length - named.length} more` : '';
      return [`    ${rule}`, reason, named.join(', ') + rest];
    }),
  );
}

import { resolve } from 'node:path';
import type { ExplainedRule } from '#mapping';
import type { LayerChoice } from './layer-choice.js';
import { shownPath } from './mapping-folder.js';
import type { Terminal } from './terminal.js';
import { columns } from './text-table.js';
import { type Call, type ExitCode, exitCode } from './verb.js';

/** What the layers say of the rules of a map: the one that counts first, those it overrules under it. */
export function explainRules(
  call: Call,
  choice: LayerChoice,
  map: string,
  rule: string | undefined,
): ExitCode {
  const layers = choice.layers();
  const { terminal, settings } = call;
  const { library } = choice;
  const rules = (library.rules(map, layers, rule) ?? []).map((one) => ({
    ...one,
    versions: one.versions.map((version) => ({
      ...version,
      file: shownPath(settings, resolve(library.dir, version.file)),
    })),
  }));
  if (call.json) terminal.out(JSON.stringify({ map, rule, layers, rules }));
  else if (rules.length === 0) terminal.out(nothing(library.rules(map, layers), map, rule));
  else {
    terminal.out(`${map}  layers ${['suture', ...layers].join(' < ')}`);
    for (const line of ruleLines(rules, terminal)) terminal.out(line);
  }
  return rules.some(({ versions }) => versions[0]?.action === 'set') ? exitCode.ok : exitCode.no;
}

function nothing(all: readonly ExplainedRule[] | undefined, map: string, rule: string | undefined): string {
  if (all === undefined) return `there is no map ${map}`;
  return `${map} has no rule ${rule ?? ''}; it has: ${all.map(({ name }) => name).join(', ') || 'none'}`;
}

function ruleLines(rules: readonly ExplainedRule[], terminal: Terminal): string[] {
  return columns(
    rules.flatMap(({ name, versions }) =>
      versions.map(({ layer, file, line, action, text }, index) => [
        index === 0 ? `  ${name}` : '',
        stateOf(index, action, terminal),
        layer,
        `${file}:${line}`,
        text,
      ]),
    ),
  );
}

function stateOf(index: number, action: 'set' | 'removed', terminal: Terminal): string {
  if (index > 0) return terminal.paint('doubtful', 'overruled');
  return action === 'removed' ? terminal.paint('bad', 'removed') : 'counts';
}

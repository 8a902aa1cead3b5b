import type { OptionSpecs } from './arguments.js';
import { columns } from './text-table.js';
import type { Verb } from './verb.js';
import type { VerbEntry } from './verbs.js';

/** Understood by every verb. */
export const everyVerbsOptions: OptionSpecs = {
  json: { type: 'boolean', about: 'print JSON for a program instead of text for a person' },
  help: { type: 'boolean', short: 'h', about: 'show this' },
};

/** One screen: the verbs by what a person wants to do. */
export function generalHelp(verbs: Readonly<Record<string, VerbEntry>>): string[] {
  const lines = ['usage: suture <verb> [options]     (npm run suture -- <verb> [options])'];
  let group = '';
  const rows = columns(Object.entries(verbs).map(([name, { summary }]) => [`  ${name}`, summary]));
  for (const [index, entry] of Object.values(verbs).entries()) {
    if (entry.group !== group) lines.push('', entry.group);
    group = entry.group;
    lines.push(rows[index] ?? '');
  }
  lines.push(
    '',
    'suture <verb> --help   what it does, its options and exit codes',
    'exit codes: 0 yes, 1 no, 2 not understood, 3 could not be done',
  );
  return lines;
}

/** What one verb does, takes and answers. */
export function verbHelp(name: string, verb: Verb): string[] {
  const options = Object.entries({ ...verb.options, ...everyVerbsOptions });
  return [
    `usage: suture ${name}${verb.usage === '' ? '' : ` ${verb.usage}`} [options]`,
    '',
    ...verb.about,
    '',
    'options',
    ...columns(options.map(([option, spec]) => [`  ${optionText(option, spec)}`, spec.about])),
    '',
    'exit codes',
    `  0  ${verb.exits.ok}`,
    ...(verb.exits.no === undefined ? [] : [`  1  ${verb.exits.no}`]),
    '  2  the command line was not understood',
    '  3  it could not be done: something is not reachable, not configured, or failed',
    '',
    'examples',
    ...verb.examples.map((example) => `  suture ${example}`),
  ];
}

function optionText(name: string, { short, value }: OptionSpecs[string]): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

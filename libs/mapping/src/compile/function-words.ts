import { nearestName } from '#kernel';
import type { Argument, ValueExpression } from '../language/expression.js';
import { suggestion } from '../language/problems.js';
import type { CodeTable, TableRow } from '../tables/code-table.js';
import type { Target } from './compiled-value.js';
import { mistake, type Scope } from './scope.js';

type Call = Extract<ValueExpression, { kind: 'call' }>;

/** The one argument as a word or text. */
export function word(call: Call, scope: Scope): string | undefined {
  const [argument, second] = call.args;
  const text = argument && !second ? wordOf(argument) : undefined;
  if (text !== undefined) return text;
  return mistake(
    scope,
    call.offset,
    'MAPPING_FUNCTION',
    `${call.name} takes one word`,
    `write for instance ${call.name}(home)`,
  );
}

function wordOf({ value }: Argument): string | undefined {
  if (value.kind === 'literal') return value.text;
  if (value.kind === 'name' && value.part === 'reference') return value.name;
  return value.kind === 'path' && value.field === 0 && value.component === 0 ? value.name : undefined;
}

/** The code table that a function names; undefined, and a problem, where it does not fit the target. */
export function findTable(call: Call, target: Target, scope: Scope): CodeTable | undefined {
  const name = word(call, scope);
  if (name === undefined) return undefined;
  const { tables, parts } = scope.compiler;
  const table = tables.get(name);
  if (!table) {
    const names = [...tables.keys()];
    return mistake(
      scope,
      call.offset,
      'MAPPING_UNKNOWN_TABLE',
      `there is no code table '${name}'`,
      suggestion(nearestName(name, names), [], `add mappings/tables/${name}.csv`),
    );
  }
  parts.add(table.file);
  const rows = [...table.rows].map(([, row]) => row);
  if (table.otherwise.kind === 'row') rows.push(table.otherwise.row);
  const wrong = target.codes && rows.find((row) => !isBound(row, target));
  if (wrong)
    return mistake(
      scope,
      call.offset,
      'MAPPING_BINDING',
      `table ${name}, line ${wrong.line}: '${wrong.to}'${target.codes?.has(wrong.to) ? ` of '${wrong.toSystem}'` : ''} is no code of ${target.path}`,
      `use one of: ${[...(target.codes ?? [])].slice(0, 20).join(', ')}${target.type === 'code' ? '' : ` of ${[...(target.systems?.keys() ?? [])].join(', ')}`}`,
    );
  if (target.codes && table.otherwise.kind === 'keep')
    return mistake(
      scope,
      call.offset,
      'MAPPING_BINDING',
      `table ${name} keeps unknown codes; ${target.path} takes only its own`,
      'let its else row be a code, (none) or (refuse)',
    );
  return table;
}

/** A row gives a code of the required binding; where there is a system with it, of the system that has the code. */
function isBound({ to, toSystem }: TableRow, { type, codes, systems }: Target): boolean {
  if (codes?.has(to) !== true) return false;
  return type === 'code' || systems?.get(toSystem)?.has(to) === true;
}

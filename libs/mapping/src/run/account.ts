import type { Message } from '#hl7v2';
import type { RuleBook } from '../compile/scope.js';
import type {
  AccountMode,
  DroppedLeaf,
  MappedLeaf,
  MappingFailure,
  MappingReport,
} from '../mapping-result.js';
import type { DropTable } from './drop-table.js';
import { type Run, rulesMax, wholeMark } from './run.js';

/** So many leaves are named at most. */
export const listMax = 100_000;

/** What a report says of leaves when nobody asked. */
export const noAccount = { mapped: -1, droppedCount: -1, unmappedCount: -1, dropped: [], unmapped: [] };

/** The failures of a run, rules by their names. */
export function failuresOf(run: Run, rules: RuleBook): MappingFailure[] {
  return run.failures.map((failure) => {
    const number = Number(failure.rule);
    return Number.isInteger(number) ? { ...failure, rule: rules.get(number)?.name ?? '' } : failure;
  });
}

/** Accounts for every leaf of the message: read by a rule, dropped by one, or unmapped. */
export function makeReport(
  run: Run,
  message: Message,
  mode: AccountMode,
  rules: RuleBook,
  drops: DropTable,
): MappingReport {
  const errors = failuresOf(run, rules);
  if (mode === 'off') return { ...noAccount, errors };
  const { marks } = run;
  const full = mode === 'full' || mode === 'rules';
  const read: MappedLeaf[] | undefined = mode === 'rules' ? [] : undefined;
  const dropped: DroppedLeaf[] = [];
  const unmapped: string[] = [];
  let mappedCount = 0;
  let droppedCount = 0;
  let unmappedCount = 0;
  /** Start of the component at hand: a rule that read it whole has read all below it. */
  let componentStart = 0;
  // eslint-disable-next-line max-params -- the visitor has the parameters that hl7v2 gives it
  message.eachLeaf((segment, field, repetition, component, subcomponent, start) => {
    if (subcomponent === 1) componentStart = start;
    const whole = marks[componentStart] ?? 0;
    const own = marks[start] ?? 0;
    const mark = own === 0 && subcomponent > 1 && (whole & wholeMark) !== 0 ? whole : own;
    if (mark !== 0) {
      mappedCount++;
      const rule = read && read.length < listMax ? rules.get(mark & rulesMax) : undefined;
      if (rule) {
        const { name, file, line } = rule;
        read?.push({
          path: segment.path(field, repetition, component, subcomponent),
          rule: name,
          file,
          line,
        });
      }
      return;
    }
    const drop = drops.find(segment.name, field, component, subcomponent);
    if (drop) {
      droppedCount++;
      if (full && dropped.length < listMax)
        dropped.push({
          path: segment.path(field, repetition, component, subcomponent),
          rule: drop.rule,
          reason: drop.reason,
        });
      return;
    }
    unmappedCount++;
    if (full && unmapped.length < listMax)
      unmapped.push(segment.path(field, repetition, component, subcomponent));
  });
  const lists = { dropped, unmapped, errors, ...(read && { read }) };
  return { mapped: mappedCount, droppedCount, unmappedCount, ...lists };
}

/** The account of a message that nobody maps: every leaf is unmapped. */
export function unmappedReport(message: Message): MappingReport {
  const unmapped: string[] = [];
  message.eachLeaf((segment, field, repetition, component, subcomponent) => {
    unmapped.push(segment.path(field, repetition, component, subcomponent));
  });
  return { mapped: 0, droppedCount: 0, unmappedCount: unmapped.length, dropped: [], unmapped, errors: [] };
}

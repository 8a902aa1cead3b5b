import type { CdaDocument } from '#cda';
import type { RuleBook } from '../compile/scope.js';
import type { AccountMode, DroppedLeaf, MappedLeaf, MappingReport } from '../mapping-result.js';
import { failuresOf, listMax, noAccount } from './account.js';
import { type Run, rulesMax } from './run.js';

/** Accounts for every attribute and every text of a document: read by a rule, dropped by one, or unmapped. */
export function makeDocumentReport(
  run: Run,
  document: CdaDocument,
  mode: AccountMode,
  rules: RuleBook,
): MappingReport {
  const errors = failuresOf(run, rules);
  if (mode === 'off') return { ...noAccount, errors };
  const { marks, droppedAt } = run;
  const full = mode === 'full' || mode === 'rules';
  const read: MappedLeaf[] | undefined = mode === 'rules' ? [] : undefined;
  const dropped: DroppedLeaf[] = [];
  const unmapped: string[] = [];
  let [mapped, droppedCount, unmappedCount] = [0, 0, 0];
  document.eachLeaf((element, leaf) => {
    const mark = marks[leaf.start] ?? 0;
    if (mark !== 0) {
      mapped++;
      const rule = read && read.length < listMax ? rules.get(mark & rulesMax) : undefined;
      if (!rule) return;
      const { name, file, line } = rule;
      read?.push({ path: document.path(element, leaf), rule: name, file, line });
      return;
    }
    const drop = droppedAt.get(leaf.start);
    if (drop) {
      droppedCount++;
      if (full && dropped.length < listMax)
        dropped.push({ path: document.path(element, leaf), rule: drop.rule, reason: drop.reason });
      return;
    }
    unmappedCount++;
    if (full && unmapped.length < listMax) unmapped.push(document.path(element, leaf));
  });
  return { mapped, droppedCount, unmappedCount, dropped, unmapped, errors, ...(read && { read }) };
}

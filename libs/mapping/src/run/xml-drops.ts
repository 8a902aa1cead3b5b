import type { CdaDocument, XmlElement } from '#cda';
import type { DropRule } from '../language/mapping-file.js';
import type { Drop } from './drop-table.js';
import type { Run } from './run.js';
import { type SeeXml, xmlWalk } from './xml-select.js';

/** A drop rule of a map that reads an element: a path from there, to an attribute or to an element with all in it. */
export interface XmlDrop extends Drop {
  readonly walk: (document: CdaDocument, from: XmlElement, see: SeeXml) => boolean;
}

export function xmlDrops(map: string, rules: readonly DropRule[]): XmlDrop[] {
  return rules.flatMap(({ path, text, reason }) =>
    path.steps ? [{ rule: `${map}/drop ${text}`, reason, walk: xmlWalk(path.steps) }] : [],
  );
}

/** Notes where leaves stand that drops of a map are for; the first that is for a leaf answers. */
export function noteDrops(run: Run, element: XmlElement, drops: readonly XmlDrop[]): void {
  for (const drop of drops) {
    drop.walk(run.document, element, (found, attribute) => {
      if (attribute) noteOne(run, attribute.start, drop);
      else noteAll(run, found, drop);
      return false;
    });
  }
}

function noteAll(run: Run, element: XmlElement, drop: XmlDrop): void {
  for (let one = element.firstAttribute; one; one = one.next) noteOne(run, one.start, drop);
  for (let child = element.first; child; child = child.next) {
    if (child.kind === 'text') noteOne(run, child.start, drop);
    else noteAll(run, child, drop);
  }
}

function noteOne({ droppedAt }: Run, start: number, drop: XmlDrop): void {
  if (!droppedAt.has(start)) droppedAt.set(start, drop);
}

import type { CdaDocument, XmlAttribute, XmlElement, XmlText } from '#cda';
import { type Run, wholeMark } from '../../run/run.js';

/** Attributes that say of what kind an element is, or that it has no value: alone they are no value. */
const kinds = new Set([
  'nullFlavor',
  'xsi:type',
  'classCode',
  'moodCode',
  'typeCode',
  'determinerCode',
  'contextControlCode',
  'contextConductionInd',
  'inversionInd',
  'negationInd',
  'operator',
  'use',
]);

/** Whether an element holds a value: a text, or an attribute that is one, somewhere in it. */
export function isValued(document: CdaDocument, element: XmlElement): boolean {
  for (let one = element.firstAttribute; one; one = one.next)
    if (!kinds.has(one.name) && document.hasText(one)) return true;
  for (let child = element.first; child; child = child.next)
    if (child.kind === 'text' ? document.hasText(child) : isValued(document, child)) return true;
  return false;
}

/** The element whose text begins at `start`: what a path led to. */
export function elementOf({ document }: Run, start: number): XmlElement | undefined {
  return document.elementAt(start);
}

/** The value of an attribute, marked as read; undefined when it is empty or not there. */
export function attributeText(run: Run, element: XmlElement, name: string): string | undefined {
  const one = element.attribute(name);
  return one && run.leaf(one.start, one.end);
}

/** Without marking it. */
export function peekAttribute({ document }: Run, element: XmlElement, name: string): string | undefined {
  return document.attribute(element, name);
}

/** Marks an attribute as read: it decided something. */
export function markAttribute(run: Run, element: XmlElement, name: string): void {
  const one: XmlAttribute | undefined = element.attribute(name);
  if (one) markLeaf(run, one);
}

/** Marks a value as read without making a text of it. */
export function markLeaf(run: Run, { start, end }: XmlAttribute | XmlText): void {
  if (run.accounting && run.rule !== 0 && end > start) run.mark(start, run.rule | wholeMark);
}

const blocks = new Set([
  'td',
  'th',
  'tr',
  'item',
  'paragraph',
  'list',
  'table',
  'caption',
  'br',
  'thead',
  'tbody',
]);

/** All text in an element as one line, marked as read; what stands in blocks of its own does not run together. */
export function lineOf(run: Run, element: XmlElement): string | undefined {
  return onOneLine(gathered(run, element));
}

/** Blanks are one space between words, and none around them. */
function onOneLine(text: string): string | undefined {
  return (/\s\s|[^\S ]/.test(text) ? text.replaceAll(/\s+/g, ' ') : text).trim() || undefined;
}

function gathered(run: Run, element: XmlElement): string {
  let text = '';
  for (let child = element.first; child; child = child.next) {
    if (child.kind === 'text') {
      markLeaf(run, child);
      text += run.document.value(child);
    } else text += blocks.has(child.name) ? ` ${gathered(run, child)} ` : gathered(run, child);
  }
  return text;
}

/**
 * The text of an ED or ST: what stands in it, else in the part of the narrative that its `reference` names (CDA R2, 4.3.5.1;
 * C-CDA, 4.1.5: text by reference).
 */
export function textOfElement(run: Run, element: XmlElement): string | undefined {
  return lineOf(run, element) ?? referredText(run, element);
}

function referredText(run: Run, element: XmlElement): string | undefined {
  const reference = element.child('reference');
  const value = reference?.attribute('value');
  if (!value) return undefined;
  const target = run.document.byId(run.document.value(value).trim().replace(/^#/, ''));
  if (!target || target.end - target.start > run.referable) return undefined;
  run.referable -= target.end - target.start;
  const text = lineOf(run, target);
  // What leads nowhere stays unread, so that the account shows it.
  if (text !== undefined) markLeaf(run, value);
  return text;
}

/** What an element is compared by, and told apart by in keys: its id, code, value, or text. */
export function keyText(document: CdaDocument, element: XmlElement): string | undefined {
  const root = document.attribute(element, 'root');
  const extension = document.attribute(element, 'extension');
  if (root !== undefined && extension !== undefined) return `${root}|${extension}`;
  return (
    root ??
    extension ??
    document.attribute(element, 'code') ??
    document.attribute(element, 'value') ??
    onOneLine(document.textOf(element))
  );
}

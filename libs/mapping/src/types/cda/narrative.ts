import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import { elementOf, markLeaf } from './element-parts.js';

/** Elements of the narrative of CDA R2 (4.3.5), and of HTML where senders write that, as R4 may have them (2.7.2). */
const tags = new Map(
  Object.entries({
    content: 'span',
    paragraph: 'p',
    item: 'li',
    table: 'table',
    thead: 'thead',
    tbody: 'tbody',
    tfoot: 'tfoot',
    tr: 'tr',
    th: 'th',
    td: 'td',
    col: 'col',
    colgroup: 'colgroup',
    sub: 'sub',
    sup: 'sup',
    p: 'p',
    div: 'div',
    span: 'span',
    ul: 'ul',
    ol: 'ol',
    li: 'li',
    b: 'b',
    i: 'i',
    em: 'em',
    strong: 'strong',
    pre: 'pre',
    h1: 'h1',
    h2: 'h2',
    h3: 'h3',
    h4: 'h4',
    h5: 'h5',
    h6: 'h6',
  }),
);
const attributes = new Map(
  Object.entries({
    ID: 'id',
    id: 'id',
    class: 'class',
    title: 'title',
    styleCode: 'class',
    colspan: 'colspan',
    rowspan: 'rowspan',
    span: 'span',
    align: 'align',
    valign: 'valign',
    border: 'border',
    cellpadding: 'cellpadding',
    cellspacing: 'cellspacing',
    width: 'width',
    summary: 'summary',
    abbr: 'abbr',
    scope: 'scope',
  }),
);
/** What never comes through, with all that is in it. */
const forbidden = new Set([
  'script',
  'style',
  'object',
  'iframe',
  'embed',
  'applet',
  'form',
  'link',
  'meta',
  'head',
]);
/** Schemes that run nothing, or none at all: a place in the same document, or beside it. */
const linkable = /^(?:(?:https?:\/\/|mailto:|tel:|#)[^\s"<>]*|[^\s":<>]+)$/i;

/** The text of a section to a Narrative: an allow-list of elements and attributes, words and ids as they were. */
export function narrativeConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const inside = element && (contentOf(run, element) || displayOf(run, element));
    // R4 txt-2: a narrative has some content.
    if (inside === undefined || !hasContent(inside)) return undefined;
    const narrative: FhirObject = {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`,
    };
    return narrative;
  };
}

/** Whether markup has more than tags and blanks. */
function hasContent(markup: string): boolean {
  for (let at = 0; at < markup.length; at++) {
    const end = markup.charCodeAt(at) === 0x3c ? markup.indexOf('>', at) : -1;
    if (end > at) at = end;
    else if (/[^\s<>]/.test(markup.charAt(at))) return true;
  }
  return false;
}

/** Of a code what people read. */
function displayOf(run: Run, element: XmlElement): string {
  const display = element.attribute('displayName');
  if (!display) return '';
  markLeaf(run, display);
  return run.document.markupOf(display);
}

function contentOf(run: Run, element: XmlElement): string {
  let out = '';
  for (let child = element.first; child; child = child.next) {
    if (child.kind === 'element') out += elementText(run, child);
    else {
      markLeaf(run, child);
      out += run.document.markupOf(child);
    }
  }
  return out;
}

function elementText(run: Run, element: XmlElement): string {
  const { name } = element;
  const tag = tags.get(name);
  if (tag !== undefined) {
    const inside = contentOf(run, element);
    const start = `<${tag}${attributesOf(run, element)}`;
    return tag === 'col' ? `${start}/>` : `${start}>${inside}</${tag}>`;
  }
  switch (name) {
    case 'br':
      return `<br/>${contentOf(run, element)}`;
    case 'list':
      return listText(run, element);
    case 'caption':
      return captionText(run, element);
    case 'footnote':
      return `<span${attributesOf(run, element, 'footnote')}>${contentOf(run, element)}</span>`;
    case 'footnoteRef':
      return linkText(run, element, 'IDREF', '#', '*');
    case 'linkHtml':
    case 'a':
      return linkText(run, element, 'href', '', '');
    case 'renderMultiMedia':
      return linkText(run, element, 'referencedObject', '#', '');
  }
  return forbidden.has(name.replace(/^.*[}:]/, '').toLowerCase()) ? '' : contentOf(run, element);
}

/** The caption of a list has no place in HTML's lists: it stands before. */
function listText(run: Run, element: XmlElement): string {
  const type = element.attribute('listType');
  if (type) markLeaf(run, type);
  const tag = type && run.document.value(type) === 'ordered' ? 'ol' : 'ul';
  let before = '';
  let items = '';
  for (let child = element.first; child; child = child.next) {
    if (child.kind === 'text') {
      if (!run.document.hasText(child)) continue;
      markLeaf(run, child);
      items += `<li>${run.document.markupOf(child)}</li>`;
    } else if (child.name === 'caption') before += `<p class="caption">${contentOf(run, child)}</p>`;
    else items += child.name === 'item' ? elementText(run, child) : `<li>${elementText(run, child)}</li>`;
  }
  const list = items === '' ? '' : `<${tag}${attributesOf(run, element)}>${items}</${tag}>`;
  return before + list;
}

function captionText(run: Run, element: XmlElement): string {
  const tag = element.parent?.name === 'table' ? 'caption' : 'span';
  const kind = tag === 'span' ? 'caption' : undefined;
  return `<${tag}${attributesOf(run, element, kind)}>${contentOf(run, element)}</${tag}>`;
}

function linkText(run: Run, element: XmlElement, name: string, prefix: string, otherwise: string): string {
  const target = element.attribute(name);
  const href = target && prefix + run.document.markupOf(target).trim();
  const inside = contentOf(run, element) || otherwise;
  // As a browser reads it: with its references resolved a harmless text may be a script.
  if (!target || href === undefined || !linkable.test(prefix + run.document.value(target).trim()))
    return inside;
  markLeaf(run, target);
  return `<a${attributesOf(run, element)} href="${href}">${inside === '' ? href.slice(prefix.length) : inside}</a>`;
}

function attributesOf(run: Run, element: XmlElement, kind?: string): string {
  let out = kind === undefined ? '' : ` class="${kind}"`;
  for (let one = element.firstAttribute; one; one = one.next) {
    const name = attributes.get(one.name);
    if (name === undefined || one.end === one.start || (kind !== undefined && name === 'class')) continue;
    if (out.includes(` ${name}="`)) continue;
    markLeaf(run, one);
    out += ` ${name}="${run.document.markupOf(one)}"`;
  }
  return out;
}

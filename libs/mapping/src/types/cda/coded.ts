import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { CodeTable } from '../../tables/code-table.js';
import { type CodedOptions, rowCoding } from '../coded.js';
import { type Convert, codeText } from '../convert.js';
import {
  attributeText,
  elementOf,
  lineOf,
  markAttribute,
  peekAttribute,
  textOfElement,
} from './element-parts.js';

type CdaCodedOptions = Pick<CodedOptions, 'vocabulary' | 'table' | 'system'>;

/** CD and its kin to CodeableConcept: its code, those of its translations, and its original text. */
export function elementConceptConvert(options: CdaCodedOptions): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const codings = codingsOf(run, element, options);
    const original = element.child('originalText');
    let text = original && textOfElement(run, original);
    if (codings.length === 0) text ??= lineOf(run, element) ?? attributeText(run, element, 'displayName');
    if (codings.length === 0) return text === undefined ? undefined : { text };
    return text === undefined ? { coding: codings } : { coding: codings, text };
  };
}

/** To one Coding: with a table the row of the first code that has one, else the first code. */
export function elementCodingConvert(options: CdaCodedOptions): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const { table } = options;
    if (!table) return codingsOf(run, element, options)[0];
    const row = rowOf(run, element, table);
    return row && rowCoding(row);
  };
}

/** To a code: through a table the first code that has a row, the element's own before its translations. */
export function elementCodeConvert({ table }: CdaCodedOptions): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    if (table) return rowOf(run, element, table)?.to;
    const code =
      attributeText(run, element, 'code') ?? attributeText(run, element, 'value') ?? lineOf(run, element);
    return code === undefined ? undefined : codeText(code);
  };
}

/** The element's own code, then its translations: who looks for a code finds the one that is meant first. */
function eachCoded(element: XmlElement): readonly XmlElement[] {
  return element.child('translation') ? [element, ...element.childrenNamed('translation')] : [element];
}

function rowOf(run: Run, element: XmlElement, table: CodeTable): ReturnType<CodeTable['find']> {
  const all = eachCoded(element);
  for (const one of all) {
    const code = peekAttribute(run, one, 'code') ?? peekAttribute(run, one, 'value');
    const row = code === undefined ? undefined : table.row(code);
    if (!row || code === undefined) continue;
    markCoded(run, one);
    return table.find(code);
  }
  // No code has a row of its own: the one for all others decides.
  const code =
    peekAttribute(run, element, 'code') ?? peekAttribute(run, element, 'value') ?? lineOf(run, element);
  const row = code === undefined ? undefined : table.find(code);
  if (row) markCoded(run, element);
  return row;
}

/** The code with what belongs to it: the row says the same in words of R4. */
function markCoded(run: Run, element: XmlElement): void {
  for (const name of codeAttributes) markAttribute(run, element, name);
}

const codeAttributes = ['code', 'value', 'codeSystem', 'displayName'];

function codingsOf(run: Run, element: XmlElement, options: CdaCodedOptions): FhirObject[] {
  const list: FhirObject[] = [];
  for (const one of eachCoded(element)) {
    const coding = codingOf(run, one, options);
    if (coding && !list.some((known) => isSame(known, coding))) list.push(coding);
  }
  const { table } = options;
  if (!table) return list;
  for (const { code } of list) {
    const row = typeof code === 'string' ? table.row(code) : undefined;
    if (!row) continue;
    const standard = rowCoding(row);
    // A code without a system (CS) says no more than its row.
    if (list[0]?.['system'] === undefined) list.shift();
    if (!list.some((known) => isSame(known, standard))) list.unshift(standard);
    return list;
  }
  const { otherwise } = table;
  if (otherwise.kind === 'row' && list.length > 0) list.unshift(rowCoding(otherwise.row));
  return list;
}

function isSame(a: FhirObject, b: FhirObject): boolean {
  return a['code'] === b['code'] && a['system'] === b['system'];
}

function codingOf(
  run: Run,
  element: XmlElement,
  { vocabulary, system }: CdaCodedOptions,
): FhirObject | undefined {
  const code = attributeText(run, element, 'code');
  if (code === undefined) return undefined;
  const coding: FhirObject = {};
  const oid = attributeText(run, element, 'codeSystem');
  const name = oid === undefined ? attributeText(run, element, 'codeSystemName') : undefined;
  if (oid !== undefined) coding['system'] = vocabulary.systems.uri(oid);
  else if (name !== undefined) coding['system'] = vocabulary.systems.uri(name);
  else if (system !== '') coding['system'] = system;
  const version = attributeText(run, element, 'codeSystemVersion');
  if (version !== undefined) coding['version'] = version;
  coding['code'] = codeText(code);
  const display = attributeText(run, element, 'displayName');
  if (display !== undefined) coding['display'] = display;
  return coding;
}

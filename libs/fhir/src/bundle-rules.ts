import type { Findings } from './issue.js';
import { all, asObject, has, list, rule, textOf } from './rule.js';
import type { FhirObject } from './write-json.js';

/** R4 bdl-5 and bdl-8. */
export const bundleEntryRule = all(
  rule('bdl-5', 'an entry holds a resource, a request or a response', (entry) =>
    has(entry, 'resource', 'request', 'response'),
  ),
  rule('bdl-8', 'a fullUrl names no version', (entry) => !textOf(entry['fullUrl']).includes('/_history/')),
);

function bundleOfType(
  value: FhirObject,
  type: string,
  entries: readonly FhirObject[],
  findings: Findings,
): void {
  const identifier = asObject(value['identifier']);
  const first = asObject(entries[0]?.['resource'])?.['resourceType'];
  if (type === 'document') {
    if (!identifier || !has(identifier, 'system') || !has(identifier, 'value')) {
      findings.add('rule', 'bdl-9: a document has an identifier with system and value', 'identifier');
    }
    if (!has(value, 'timestamp')) findings.add('rule', 'bdl-10: a document has a timestamp', 'timestamp');
    if (first !== 'Composition')
      findings.add('rule', 'bdl-11: a document starts with its Composition', 'entry');
  }
  if (type === 'message' && first !== 'MessageHeader') {
    findings.add('rule', 'bdl-12: a message starts with its MessageHeader', 'entry');
  }
}

/** R4 bdl-1 to bdl-4, bdl-7, bdl-9 to bdl-12. */
export function bundleRule(value: FhirObject, findings: Findings): void {
  const type = textOf(value['type']);
  const entries = list(value['entry']).map((entry) => asObject(entry) ?? {});
  if (has(value, 'total') && type !== 'searchset' && type !== 'history') {
    findings.add('rule', 'bdl-1: a total only in a searchset or history', 'total');
  }
  const asksRequest = type === 'batch' || type === 'transaction' || type === 'history';
  if (entries.some((entry) => has(entry, 'request') !== asksRequest)) {
    findings.add(
      'rule',
      'bdl-3: request in each entry of a batch, transaction or history, and only there',
      'entry',
    );
  }
  const answers = type === 'batch-response' || type === 'transaction-response' || type === 'history';
  if (entries.some((entry) => has(entry, 'response') !== answers)) {
    findings.add('rule', 'bdl-4: response in each entry of a response or history, and only there', 'entry');
  }
  if (type !== 'searchset' && entries.some((entry) => has(entry, 'search'))) {
    findings.add('rule', 'bdl-2: search facts only in a searchset', 'entry');
  }
  bundleOfType(value, type, entries, findings);
  const urls = new Set<string>();
  for (const entry of entries) {
    const meta = asObject(asObject(entry['resource'])?.['meta']);
    const key = `${textOf(entry['fullUrl'])} ${textOf(meta?.['versionId'])}`;
    if (entry['fullUrl'] !== undefined && type !== 'history' && urls.has(key)) {
      findings.add('rule', 'bdl-7: a fullUrl stands once', 'entry');
    }
    urls.add(key);
  }
}

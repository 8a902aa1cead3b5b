import type { Findings } from './issue.js';
import { isResourceType } from './resource-types.js';

const relative = /^([A-Z][A-Za-z]{2,63})\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const urn =
  /^urn:(?:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|oid:[0-2](?:\.(?:0|[1-9]\d*))+)$/;

/** Of a transaction (R4 http, section 3.1.0.11.2.1); what is stored names what it found. */
const conditional = /^([A-Z][A-Za-z]{2,63})\?\S+=\S*$/;

/** The type a literal reference names; '' when it names none (a urn, a contained resource, a foreign URL); undefined: malformed. */
function referencedType(reference: string): string | undefined {
  const match = relative.exec(reference) ?? conditional.exec(reference);
  if (match) return isResourceType(match[1] ?? '') ? match[1] : undefined;
  if (reference.startsWith('#') || urn.test(reference)) return '';
  if (!/^[a-z][a-z0-9+.-]*:\S+$/i.test(reference)) return undefined;
  const parts = (reference.split(/[?#]/, 1)[0] ?? '').split('/');
  const history = parts.at(-2) === '_history' ? 2 : 0;
  const type = parts.at(-2 - history) ?? '';
  return isResourceType(type) ? type : '';
}

/** Checks the literal reference and the declared type of a Reference against the types allowed at this place. */
export function checkReference(
  reference: { readonly reference?: unknown; readonly type?: unknown },
  targets: readonly string[],
  findings: Findings,
): void {
  const literal = typeof reference.reference === 'string' ? referencedType(reference.reference) : '';
  if (literal === undefined) findings.add('target', 'the reference is malformed', 'reference');
  const declared = typeof reference.type === 'string' ? reference.type : '';
  const allowed = (type: string): boolean => targets.length === 0 || targets.includes(type);
  if (literal && !allowed(literal)) {
    findings.add(
      'target',
      `a reference to ${literal} is not allowed here, only to ${targets.join(', ')}`,
      'reference',
    );
  }
  if (isResourceType(declared) && !allowed(declared)) {
    findings.add('target', `the type ${declared} is not allowed here, only ${targets.join(', ')}`, 'type');
  }
}

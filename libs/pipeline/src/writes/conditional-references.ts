import type { FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import { compileConditions, indexTerms, type QueryPair } from '#search';
import type { ResourceReader } from '#store';
import { findMatches, onlyOf, pairsOf } from './find-match.js';
import { conditionalReferences } from './links.js';
import type { PlannedWrite } from './resource-write.js';
import type { WriteSource } from './write-groups.js';

/** Most that a search answers with. */
const MAX_MATCHES = 1_000;

/**
 * What the conditional references of these writes name, `Type/id` by reference. They are resolved last (R4 http, section
 * 3.1.0.11.2): what the writes make counts, and what they change or delete counts as it will be. Throws `rejected`
 * REFERENCE_UNRESOLVED, CONDITION_AMBIGUOUS with the place of an entry that holds the reference.
 */
export async function namesOfConditions(
  planned: readonly PlannedWrite[],
  reader: ResourceReader,
  { ownUrl, mayAsk }: WriteSource,
): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const { resource, at } of planned) {
    if (!resource) continue;
    for (const one of conditionalReferences(resource))
      if (!places.has(one)) places.set(one, `${at}.resource`);
  }
  const names = new Map<string, string>();
  const outcome = new Outcome(planned, ownUrl);
  for (const [reference, at] of places) {
    const mark = reference.indexOf('?');
    const [type, criteria] = [reference.slice(0, mark), reference.slice(mark + 1)];
    mayAsk(type, criteria);
    const pairs = pairsOf(criteria, at);
    const touched = outcome.touched(type);
    const most = Math.min(touched.size + 2, MAX_MATCHES);
    const stored = await findMatches(reader, type, pairs, { ownUrl, most });
    const left = stored.map(({ id }) => `${type}/${id}`).filter((key) => !touched.has(key));
    const name = onlyOf([...left, ...outcome.matches(type, pairs)], at);
    if (name === undefined) {
      const message = `a conditional reference to ${type.slice(0, 64)} matches no resource`;
      throw new EngineError('rejected', 'REFERENCE_UNRESOLVED', message, { cause: { at } });
    }
    names.set(reference, name);
  }
  return names;
}

interface Written {
  readonly touched: ReadonlySet<string>;
  readonly all: readonly { readonly key: string; readonly resource: FhirObject }[];
  /** By each term that the index will hold. */
  readonly byTerm: ReadonlyMap<string, Written['all'][number][]>;
}

/** What the writes of one call leave of each type. */
class Outcome {
  private readonly byType = new Map<string, Written>();

  constructor(
    private readonly planned: readonly PlannedWrite[],
    private readonly ownUrl: string | undefined,
  ) {}

  /** `Type/id` of what is written or deleted: as it is stored now it does not count. */
  touched(type: string): ReadonlySet<string> {
    return this.of(type).touched;
  }

  /** What of it matches. Chains look at what is stored alone. */
  matches(type: string, pairs: readonly QueryPair[]): string[] {
    const { all, byTerm } = this.of(type);
    if (all.length === 0 || pairs.some(([name]) => name.includes('.') || name.startsWith('_has'))) return [];
    const criteria = compileConditions(type, pairs, { ownUrl: this.ownUrl });
    const terms = criteria.candidates?.terms;
    const near = terms ? new Set(terms.flatMap((term) => byTerm.get(term) ?? [])) : all;
    return [...near].filter(({ resource }) => criteria.matches(resource)).map(({ key }) => key);
  }

  private of(type: string): Written {
    const known = this.byType.get(type);
    if (known) return known;
    const writes = this.planned.filter((one) => one.type === type && one.does !== 'nothing');
    const all = writes.flatMap(({ key, resource }) => (resource ? [{ key, resource }] : []));
    const byTerm = new Map<string, typeof all>();
    for (const one of all) {
      for (const term of indexTerms(one.resource, null)) {
        const same = byTerm.get(term);
        if (same) same.push(one);
        else byTerm.set(term, [one]);
      }
    }
    const made = { touched: new Set(writes.map(({ key }) => key)), all, byTerm };
    this.byType.set(type, made);
    return made;
  }
}

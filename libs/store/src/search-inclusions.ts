import type { Query } from '#database';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { compileConditions, invalidValue, parametersOf, targetOf } from '#search';
import { type ResourceVersion, readResources } from './read-resource.js';
import { searchType } from './search-resources.js';

/** `_include` or `_revinclude`: which references lead to what goes along with the matches. */
export interface Inclusion {
  readonly backwards: boolean;
  readonly iterate: boolean;
  /** The type that has the reference. */
  readonly source: string;
  /** Names of reference parameters. */
  readonly parameters: readonly string[];
  /** Only targets of this type; undefined: any. */
  readonly target: string | undefined;
}

/** Most resources that go along with one page, and most steps of `:iterate`. */
const MAX_INCLUDED = 1_000;
const MAX_STEPS = 8;
/** Ids in one backwards search. */
const MAX_ASKED = 200;

/** Reads `Source:parameter:Target`, `Source:parameter` or `Source:*`. Throws `rejected` SEARCH_VALUE_INVALID. */
export function parseInclusion(name: string, modifier: string | undefined, value: string): Inclusion {
  const [source = '', parameter = '', target] = value.split(':');
  if (modifier !== undefined && modifier !== 'iterate')
    throw invalidValue(name, 'takes only the modifier :iterate');
  if (!isResourceType(source)) throw invalidValue(name, 'needs Type:parameter, or Type:parameter:TargetType');
  const references = [...parametersOf(source).values()].filter(({ kind }) => kind === 'reference');
  const parameters = references
    .filter((one) => parameter === '*' || one.name === parameter)
    .map((one) => one.name);
  if (parameters.length === 0 || (target !== undefined && !isResourceType(target))) {
    throw invalidValue(name, `needs one of ${source}: ${references.map((one) => one.name).join(', ')}`);
  }
  return { backwards: name === '_revinclude', iterate: modifier === 'iterate', source, parameters, target };
}

/**
 * What goes along with a page, each once and none that is a match. Throws `rejected` SEARCH_TOO_COSTLY when that is more
 * than 1,000: a page must not hide that something is missing.
 */
export async function readIncluded(
  database: Query,
  inclusions: readonly Inclusion[],
  matches: readonly ResourceVersion[],
  ownUrl: string | undefined,
): Promise<ResourceVersion[]> {
  const seen = new Set(matches.map(keyOf));
  const included: ResourceVersion[] = [];
  let fresh: readonly ResourceVersion[] = matches;
  for (let step = 0; step < MAX_STEPS && fresh.length > 0; step++) {
    const next: ResourceVersion[] = [];
    for (const inclusion of inclusions) {
      if (step > 0 && !inclusion.iterate) continue;
      const found = inclusion.backwards
        ? await readSources(database, inclusion, fresh, ownUrl)
        : await readTargets(database, inclusion, fresh, ownUrl);
      for (const version of found) {
        if (version.deleted || seen.has(keyOf(version))) continue;
        seen.add(keyOf(version));
        next.push(version);
      }
      if (included.length + next.length > MAX_INCLUDED) throw tooMany();
    }
    included.push(...next);
    fresh = next;
  }
  return included;
}

const keyOf = ({ type, id }: { type: string; id: string }): string => `${type}/${id}`;

async function readTargets(
  database: Query,
  { source, parameters, target }: Inclusion,
  from: readonly ResourceVersion[],
  ownUrl: string | undefined,
): Promise<ResourceVersion[]> {
  const wanted = new Map<string, { type: string; id: string }>();
  for (const version of from) {
    if (version.deleted || version.type !== source) continue;
    const resource = JSON.parse(version.text) as object;
    for (const name of parameters) {
      parametersOf(source)
        .get(name)
        ?.extract(resource, (value, leaf) => {
          const found = hereOf(targetOf(value, leaf), ownUrl);
          if (found !== undefined && (target === undefined || found.type === target))
            wanted.set(keyOf(found), found);
        });
    }
  }
  if (wanted.size > MAX_INCLUDED) throw tooMany();
  if (wanted.size === 0) return [];
  return (await readResources(database, [...wanted.values()])).flatMap((outcome) =>
    'found' in outcome && outcome.found !== undefined ? [outcome.found] : [],
  );
}

/** A resource of this server that a reference names, be it by its whole address. */
export function hereOf(
  target: ReturnType<typeof targetOf>,
  ownUrl: string | undefined,
): { type: string; id: string } | undefined {
  if (target === undefined) return undefined;
  if (target.here) return isResourceType(target.type) ? { type: target.type, id: target.id } : undefined;
  if (ownUrl === undefined || !target.url.startsWith(`${ownUrl}/`)) return undefined;
  const [type = '', id = '', ...rest] = target.url.slice(ownUrl.length + 1).split('/');
  return rest.length === 0 && isResourceType(type) ? { type, id } : undefined;
}

async function readSources(
  database: Query,
  { source, parameters, target }: Inclusion,
  from: readonly ResourceVersion[],
  ownUrl: string | undefined,
): Promise<ResourceVersion[]> {
  const wanted = from.filter(({ type }) => target === undefined || type === target).map(keyOf);
  const found: ResourceVersion[] = [];
  for (const name of parameters) {
    for (let at = 0; at < wanted.length; at += MAX_ASKED) {
      const value = wanted.slice(at, at + MAX_ASKED).join(',');
      const criteria = compileConditions(source, [[name, value]], { ownUrl });
      const page = await searchType(database, { criteria, lastUpdated: [] }, undefined, MAX_INCLUDED);
      if (page.next !== undefined) throw tooMany();
      found.push(...page.matches);
    }
  }
  return found;
}

function tooMany(): EngineError {
  return new EngineError(
    'rejected',
    'SEARCH_TOO_COSTLY',
    `more than ${MAX_INCLUDED} resources go along with this page; ask for a smaller _count`,
    { cause: { at: 'http._include' } },
  );
}

import type { ResourceMapSource } from '../language/mapping-file.js';
import { eachExpression } from '../language/walk-rules.js';

type Maps = ReadonlyMap<string, ResourceMapSource>;

const known = new WeakMap<Maps, Map<string, ReadonlySet<string>>>();

/** The names of resources that a map refers to, and the maps of elements that its rules run. */
export function usedNames(map: string, maps: Maps): ReadonlySet<string> {
  const names = known.get(maps) ?? new Map<string, ReadonlySet<string>>();
  known.set(maps, names);
  let used = names.get(map);
  if (!used) {
    used = new Set(namesIn(map, maps, new Set()));
    names.set(map, used);
  }
  return used;
}

function namesIn(map: string, maps: Maps, seen: Set<string>): string[] {
  const source = maps.get(map);
  if (!source || seen.has(map)) return [];
  seen.add(map);
  const names = source.uses.map(({ text }) => text);
  if (source.source.kind !== 'element') return names;
  eachExpression(source.set, (expression) => {
    if (expression.kind === 'as') names.push(...namesIn(expression.type, maps, seen));
  });
  return names;
}

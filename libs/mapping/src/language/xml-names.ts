import type { ResourceMapSource } from './mapping-file.js';
import { xmlPath } from './parse-path.js';

/**
 * A map of an element with its bare words read: `effectiveTime` is the child of that name unless `uses` says that it is a
 * resource of the message map. Patches are in it by now, so that a word means the same everywhere in the map.
 */
export function withXmlNames(map: ResourceMapSource): ResourceMapSource {
  const { set, key, when, labels, parents } = map;
  const names = new Set(map.uses.map(({ text }) => text));
  return { ...map, ...(renamed({ set, key, when, labels, parents }, names) as object) };
}

/** The same of one expression or condition. */
export function renamed(value: unknown, names: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (typeof value !== 'object' || value === null) return value;
  const { kind, name, part, offset } = value as Readonly<Record<string, unknown>>;
  if (kind === 'constant' || kind === 'path') return value;
  if (kind === 'name' && part === 'reference' && typeof name === 'string' && !names.has(name))
    return xmlPath(name, Number(offset));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamed(one, names)]));
}

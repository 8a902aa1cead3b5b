import { Document } from 'yaml';
import type { MappedResource } from '../mapping-result.js';
import { compareGolden, type Golden, readGolden } from './golden.js';

/** The text of a golden that holds what was made; what stood in `golden` keeps its names, its order and its comments. */
export function updatedGolden(golden: Golden | undefined, made: readonly MappedResource[]): string {
  const document = golden?.document ?? new Document({ resources: {} });
  const known = golden ?? { document, resources: new Map() };
  // From the last place to the first, so that lists that get shorter do so from their end.
  for (const { resource, path, found } of compareGolden(known, made).toReversed()) {
    if (resource === undefined) continue;
    if (found === undefined) document.deleteIn(['resources', resource, ...path]);
    else document.setIn(['resources', resource, ...path], document.createNode(found));
  }
  addNew(document, known, made);
  return document.toString({ lineWidth: 0 });
}

/** Resources that the golden did not have, each under a name of its own; twice, since they refer to each other by these names. */
function addNew(document: Document, known: Golden, made: readonly MappedResource[]): void {
  const names = new Set(known.resources.keys());
  for (const { resource } of compareGolden(known, made)
    .filter((one) => one.resource === undefined)
    .map(({ found }) => ({ resource: found as { resourceType: string } }))) {
    document.setIn(['resources', freeName(names, resource.resourceType)], document.createNode(resource));
  }
  const second = readGolden(document.toString({ lineWidth: 0 }));
  if (typeof second === 'string') return;
  for (const { resource, path, found } of compareGolden(second, made).toReversed()) {
    if (resource === undefined || found === undefined) continue;
    document.setIn(['resources', resource, ...path], document.createNode(found));
  }
}

function freeName(names: Set<string>, type: string): string {
  const stem = type.charAt(0).toLowerCase() + type.slice(1);
  let name = stem;
  for (let number = 2; names.has(name); number++) name = `${stem}${number}`;
  names.add(name);
  return name;
}

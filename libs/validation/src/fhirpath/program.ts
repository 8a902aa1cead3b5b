import type { FhirObject } from '#fhir';
import type { Item } from './item.js';

/** What stands around the item that an expression is about. */
export interface Scope {
  readonly context: Item;
  /** The nearest resource, and the one it is contained in. */
  readonly resource: Item;
  readonly root: Item;
  /** What the Bundle around it holds, by fullUrl and by `Type/id`. */
  readonly entries?: ReadonlyMap<string, FhirObject>;
}

/** A compiled expression: from the focus to a collection. */
export type Program = (focus: readonly Item[], scope: Scope) => readonly Item[];

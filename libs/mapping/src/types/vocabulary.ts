import { type FhirObject, writtenOnce } from '#fhir';
import type { CodeTable, TableRow } from '../tables/code-table.js';
import { localAuthority, type SystemNames, uriOf } from './code-systems.js';
import { quoteUrn } from './convert.js';

/** Tables that the conversions of data types read. Their absence is an error of the mapping folder. */
export const builtInTables = [
  'code-systems',
  'authorities',
  'name-use',
  'address-use',
  'address-type',
  'telecom-use',
  'telecom-system',
  'ucum',
  'yes-no',
] as const;
export type BuiltInTable = (typeof builtInTables)[number];

const authoritiesMax = 5_000;

/** What conversions know about codes. */
export class Vocabulary {
  readonly #authorities = new Map<string, string>();
  #made = new Map<string, FhirObject>();

  constructor(
    readonly systems: SystemNames,
    readonly tables: ReadonlyMap<string, CodeTable>,
  ) {}

  /** The target of `code` in a built-in table; undefined when it has none. */
  translate(table: BuiltInTable, code: string): string | undefined {
    return this.tables.get(table)?.find(code)?.to;
  }

  /** The row of `code` in a built-in table; undefined when it has none. */
  row(table: BuiltInTable, code: string): TableRow | undefined {
    return this.tables.get(table)?.find(code);
  }

  /** The identifier system of an assigning authority, from its universal id and its name. */
  authoritySystem(
    name: string | undefined,
    universalId: string | undefined,
    type: string | undefined,
  ): string | undefined {
    if (universalId !== undefined) {
      const uri = uriOf(universalId);
      if (uri !== undefined) return uri;
      if (type === 'URI' || type === 'URL') return universalId.includes(' ') ? undefined : universalId;
      if (type === 'DNS') return `urn:dns:${quoteUrn(universalId)}`;
      return this.translate('authorities', universalId) ?? localAuthority(universalId);
    }
    if (name === undefined) return undefined;
    let system = this.#authorities.get(name);
    if (system === undefined) {
      system = this.translate('authorities', name) ?? uriOf(name) ?? localAuthority(name);
      if (this.#authorities.size >= authoritiesMax) this.#authorities.clear();
      // Not the slice itself: it would keep the whole message it was cut from.
      this.#authorities.set(Buffer.from(name).toString(), system);
    }
    return system;
  }

  /** What `make` makes for `key`, once; shared by all that ask, so it must never be changed. */
  remembered(key: string, make: () => FhirObject): FhirObject {
    let made = this.#made.get(key);
    if (made === undefined) {
      if (this.#made.size >= authoritiesMax) this.#made = new Map();
      // Neither key nor content is a slice: it would keep the whole message it was cut from.
      made = writtenOnce(JSON.parse(JSON.stringify(make())) as FhirObject);
      this.#made.set(Buffer.from(key).toString(), made);
    }
    return made;
  }
}

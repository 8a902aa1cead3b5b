import type { CodeTable } from '../tables/code-table.js';
import { localAuthority, type SystemNames, uriOf } from './code-systems.js';

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

  constructor(
    readonly systems: SystemNames,
    readonly tables: ReadonlyMap<string, CodeTable>,
  ) {}

  /** The target of `code` in a built-in table; undefined when it has none. */
  translate(table: BuiltInTable, code: string): string | undefined {
    return this.tables.get(table)?.find(code)?.to;
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
}

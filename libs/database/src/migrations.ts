/** One step of the schema. `id` orders and names it for ever ('journal-1'); `sql` runs once, in a transaction. */
export interface Migration {
  readonly id: string;
  readonly sql: string;
}

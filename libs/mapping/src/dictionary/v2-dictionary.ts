import { v2Tables } from './v2-tables.js';

/** The type of a field or component, and the HL7 table its codes come from. */
export interface V2Type {
  readonly type: string;
  /** HL7 table number; 0 when none is bound. */
  readonly table: number;
  readonly repeats: boolean;
}

interface Tables {
  readonly segments: Readonly<Record<string, string>>;
  readonly types: Readonly<Record<string, string>>;
  readonly structures: Readonly<Record<string, string>>;
}

let tables: Tables | undefined;
const parsed = new Map<string, readonly V2Type[]>();

function loaded(): Tables {
  tables ??= JSON.parse(v2Tables) as Tables;
  return tables;
}

function parseRow(row: string): readonly V2Type[] {
  return row.split(' ').map((cell) => {
    const repeats = cell.endsWith('*');
    const [type = 'ST', table = '0'] = (repeats ? cell.slice(0, -1) : cell).split('#');
    return { type, table: Number(table), repeats };
  });
}

function row(kind: 'segments' | 'types', name: string): readonly V2Type[] | undefined {
  const key = `${kind} ${name}`;
  let list = parsed.get(key);
  const text = loaded()[kind][name];
  if (!list && text !== undefined) {
    list = parseRow(text);
    parsed.set(key, list);
  }
  return list;
}

/** What every field and component is when the dictionary does not know better: Z-segments, later versions. */
export const plainText: V2Type = { type: 'ST', table: 0, repeats: true };

/** What a row of a table is to the maps: a segment of which each layout says what its fields are. */
export const rowSegment = 'ROW';

/** Rows of tables are segments too. */
export function isKnownSegment(name: string): boolean {
  return name in loaded().segments || name === rowSegment;
}

export function segmentNames(): string[] {
  return Object.keys(loaded().segments);
}

/** Field `number` of `segment` in any version of HL7 v2; undefined when no version has it. Z-segments are text. */
export function fieldType(segment: string, number: number): V2Type | undefined {
  if (segment.startsWith('Z') || segment === rowSegment) return plainText;
  return row('segments', segment)?.[number - 1];
}

/** Whether some version has the field, or it is of a segment of one's own: `PID-3`. */
export function isKnownField(place: string): boolean {
  const [segment = '', number = ''] = place.split('-');
  return fieldType(segment, Number(number)) !== undefined;
}

export function fieldCount(segment: string): number {
  return row('segments', segment)?.length ?? 0;
}

/** True when values of `type` have components of their own. */
export function isComposite(type: string): boolean {
  return type in loaded().types;
}

/** Component `number` of `type`; undefined when there is none. Component 1 of a primitive is the primitive. */
export function componentType(type: string, number: number): V2Type | undefined {
  const list = row('types', type);
  if (!list) return number === 1 ? { type, table: 0, repeats: false } : undefined;
  return list[number - 1];
}

/** The grammar of a message structure (`ORU_R01`) as its newest version has it. */
export function structureGrammar(name: string): string | undefined {
  return loaded().structures[name];
}

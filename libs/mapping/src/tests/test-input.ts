import { isXml } from '#cda';
import { isEngineError } from '#kernel';
import type { MappedResource, MappingContext, MappingFailure, MappingResult } from '../mapping-result.js';
import type { CompiledMessageMap, MappingSet } from '../mapping-set.js';
import { mergeUpdate } from '../merge-update.js';
import { rowUnits } from '../rows/row-units.js';
import type { Source } from '../source.js';

/** A message of a test, and the map for it. */
export interface TestRun {
  readonly source: Source;
  readonly map: CompiledMessageMap;
}

/** What a test maps: one HL7 message, one document, or all messages that the rows of a file are. */
export interface TestInput {
  readonly runs: readonly TestRun[];
  /** Of rows that are none. */
  readonly faults: readonly MappingFailure[];
}

/** Reads what a test sends; a text says why it cannot be mapped. */
export function testInput(bytes: Buffer, set: MappingSet): TestInput | string {
  try {
    const isHl7 = /^\s*(?:MSH|FHS|BHS)/.test(bytes.toString('latin1', 0, 100));
    return isHl7 || isXml(bytes) ? oneInput(bytes, set) : rowsInput(bytes, set);
  } catch (error) {
    if (isEngineError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function oneInput(bytes: Buffer, set: MappingSet): TestInput | string {
  const { source, type, map } = set.read(bytes);
  return map ? { runs: [{ source, map }], faults: [] } : `no map is for ${type}`;
}

function rowsInput(bytes: Buffer, set: MappingSet): TestInput {
  const faults: MappingFailure[] = [];
  const runs: TestRun[] = [];
  for (const { raw, line, fault } of rowUnits(bytes, set)) {
    const run = fault ? undefined : set.forRows(raw);
    if (run?.map) runs.push({ source: run.message, map: run.map });
    else
      faults.push({
        code: fault?.code ?? 'MAPPING_NONE',
        path: `line ${line}`,
        rule: '',
        message: fault?.message ?? '',
      });
  }
  return { runs, faults };
}

/** Maps all of it; what two messages say of one resource is put together as the store does it. */
export function mapInput({ runs, faults }: TestInput, context: MappingContext): MappingResult {
  const results = runs.map(({ source, map }) => map.run(source, context));
  const [only] = results;
  if (only && results.length === 1 && faults.length === 0) return only;
  const resources = new Map<string, MappedResource>();
  for (const one of results.flatMap((result) => result.resources)) {
    const resource = mergeUpdate(resources.get(one.key)?.resource, one);
    resources.set(one.key, { ...one, resource });
  }
  const reports = results.map(({ report }) => report);
  const sum = (of: 'mapped' | 'droppedCount' | 'unmappedCount') =>
    reports.reduce((total, one) => total + one[of], 0);
  return {
    resources: [...resources.values()],
    report: {
      mapped: sum('mapped'),
      droppedCount: sum('droppedCount'),
      unmappedCount: sum('unmappedCount'),
      dropped: reports.flatMap(({ dropped }) => dropped),
      unmapped: reports.flatMap(({ unmapped }) => unmapped),
      errors: [...faults, ...reports.flatMap(({ errors }) => errors)],
    },
  };
}

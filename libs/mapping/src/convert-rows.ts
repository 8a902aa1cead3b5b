import { type CsvOverrides, type CsvPart, CsvReader } from '#csv';
import { bundleOf, type FhirObject, readJson, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import type { ConvertedFile, ConvertedMessage, ConvertOptions, RowsSummary } from './converted-file.js';
import type { MappedResource } from './mapping-result.js';
import type { MappingSet } from './mapping-set.js';
import { mergeUpdate } from './merge-update.js';
import { layoutOfRows, rowUnits } from './rows/row-units.js';
import { unmappedReport } from './run/account.js';

/** Where a conversion puts what it makes, as it comes. */
export interface RowsSink {
  message(message: ConvertedMessage): void;
  /** JSON of a Bundle; of a large file there are several, each with every resource of its rows once. */
  bundle(json: string): void;
}

export interface RowsOptions extends ConvertOptions {
  /** Name of the map; without it the columns choose. */
  readonly layout?: string;
  readonly overrides?: CsvOverrides;
  /** Default `full`; `rules` names what is mapped too. */
  readonly account?: 'full' | 'rules';
  /** Characters of resources after which a bundle ends and the next one begins. */
  readonly bundleMax?: number;
}

/** Few enough that one bundle can be held as text and be read by others. */
const bundleMaxDefault = 32 * 1024 * 1024;

/** Converts a file of rows without a server, in memory bounded by one bundle. Equal bytes, options and maps give equal text. */
export class RowsConversion {
  readonly #reader: CsvReader;
  /** JSON by `Type/id`: far smaller than what it was written from. */
  #entries = new Map<string, string>();
  #size = 0;
  #number = 0;

  constructor(
    private readonly set: MappingSet,
    private readonly options: RowsOptions,
    private readonly sink: RowsSink,
  ) {
    const { layout, overrides = {} } = options;
    const { layouts } = set;
    this.#reader = new CsvReader({
      layout: layouts.find(({ name }) => name === layout),
      layouts,
      overrides,
      takesUnknown: true,
    });
  }

  /** The units of the good rows of a file that is in memory; none when no map is for it. */
  static unitsOf(bytes: Buffer, maps: Pick<MappingSet, 'layouts'>): Buffer[] {
    try {
      return rowUnits(bytes, maps).flatMap(({ raw, fault }) => (fault ? [] : [raw]));
    } catch (error) {
      if (isEngineError(error, 'rejected')) return [];
      throw error;
    }
  }

  /** Name of the map that is for a file that begins so; undefined when none is. */
  static mapOf(start: Buffer, maps: Pick<MappingSet, 'layouts'>): string | undefined {
    return layoutOfRows(start, maps);
  }

  get summary(): RowsSummary {
    const { findings, rows, badRows, skipped, units } = this.#reader;
    return { findings, rows, badRows, skipped, units };
  }

  /** Throws `rejected` when the file cannot be read as rows, or lacks columns that its layout requires. */
  push(piece: Buffer): void {
    for (const part of this.#reader.push(piece)) this.#take(part);
  }

  end(): void {
    for (const part of this.#reader.end()) this.#take(part);
    this.#endBundle();
  }

  #take({ raw, line, fault }: CsvPart): void {
    const number = ++this.#number;
    const type = this.#reader.findings?.layout ?? '';
    const none = { number, line, type, map: undefined, report: undefined, lineage: undefined };
    if (fault) {
      this.sink.message({ ...none, refusal: fault });
      return;
    }
    const found = this.set.forRows(raw);
    if (!found?.map) {
      const refusal = {
        code: 'MAPPING_NONE',
        message: 'no map is for a file with these columns; suture infer drafts one',
      };
      const report = found && unmappedReport(found.message);
      this.sink.message({ ...none, report, refusal });
      return;
    }
    const { map, message } = found;
    const { tenant, parameters = {}, lineage = false, account = 'full' } = this.options;
    try {
      const { resources, report } = map.run(message, { tenant, parameters, account });
      for (const resource of resources) this.#add(resource);
      const origins = lineage ? [...map.lineage(message, { tenant, parameters })] : undefined;
      this.sink.message({ ...none, map: map.name, report, lineage: origins, refusal: undefined });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.sink.message({ ...none, refusal: { code: error.code, message: error.message } });
    }
    if (this.#size > (this.options.bundleMax ?? bundleMaxDefault)) this.#endBundle();
  }

  /** Rows far apart may speak of one patient: in a bundle that is one resource. */
  #add(mapped: MappedResource): void {
    const before = this.#entries.get(mapped.key);
    const isMerged = before !== undefined && mapped.merge !== 'snapshot';
    const resource = isMerged ? mergeUpdate(readJson(before) as FhirObject, mapped) : mapped.resource;
    const text = flat(writeJson(resource));
    this.#size += text.length - (before?.length ?? 0);
    this.#entries.set(mapped.key, text);
  }

  #endBundle(): void {
    if (this.#entries.size === 0) return;
    const texts = [...this.#entries.values()];
    this.#entries = new Map();
    this.#size = 0;
    this.sink.bundle(bundleOf('collection', texts));
  }
}

/** Converts a file of rows (CSV and its like) that is in memory; one `collection` bundle holds all of it. */
export function convertRows(bytes: Buffer, set: MappingSet, options: RowsOptions): ConvertedFile {
  const messages: ConvertedMessage[] = [];
  let bundle: string | undefined;
  const sink = {
    message: (one: ConvertedMessage) => messages.push(one),
    bundle: (json: string) => {
      bundle = json;
    },
  };
  const conversion = new RowsConversion(set, { ...options, bundleMax: Number.POSITIVE_INFINITY }, sink);
  try {
    conversion.push(bytes);
    conversion.end();
  } catch (error) {
    if (!isEngineError(error, 'rejected')) throw error;
    const refusal = { code: error.code, message: error.message };
    const none = { map: undefined, report: undefined, lineage: undefined };
    messages.push({ number: messages.length + 1, type: '', ...none, refusal });
  }
  return { bundle, messages, rows: conversion.summary };
}

/** Text that was put together of many pieces keeps them all, in memory and in the way of the collector, until somebody reads it. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

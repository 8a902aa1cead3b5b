import { type CsvOverrides, type CsvPart, CsvReader } from '#csv';
import { bundleOf } from '#fhir';
import { isEngineError } from '#kernel';
import { CollectedResources, type ResourceText, resourceText } from './collected-resources.js';
import type { ConvertedFile, ConvertedMessage, ConvertOptions, RowsSummary } from './converted-file.js';
import type { MappedResource } from './mapping-result.js';
import type { MappingSet } from './mapping-set.js';
import { layoutOfRows, rowUnits } from './rows/row-units.js';
import { unmappedReport } from './run/account.js';

/** Where a conversion puts what it makes, as it comes. */
export interface RowsSink {
  message(message: ConvertedMessage): void;
  /** Those of rows far apart may have one key: `RowsConversion.collected` makes them one. */
  resource(resource: ResourceText): void;
}

export interface RowsOptions extends ConvertOptions {
  /** Name of the map; without it the columns choose. */
  readonly layout?: string;
  readonly overrides?: CsvOverrides;
  /** Default `full`; `rules` names what is mapped too. */
  readonly account?: 'full' | 'rules';
}

/** Converts a file of rows without a server; keeps nothing of what it gave out. Equal bytes, options and maps give equal resources. */
export class RowsConversion {
  readonly #reader: CsvReader;
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

  /** What makes one resource of all that a sink got under one key. */
  static collected(): CollectedResources {
    return new CollectedResources();
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
    let resources: readonly MappedResource[];
    let converted: ConvertedMessage;
    try {
      const result = map.run(message, { tenant, parameters, account });
      const origins = lineage ? [...map.lineage(message, { tenant, parameters })] : undefined;
      resources = result.resources;
      converted = { ...none, map: map.name, report: result.report, lineage: origins, refusal: undefined };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      resources = [];
      converted = { ...none, refusal: { code: error.code, message: error.message } };
    }
    // Outside: what a sink cannot do is not the fault of a row.
    for (const resource of resources) this.sink.resource(resourceText(resource));
    this.sink.message(converted);
  }
}

/** Converts a file of rows (CSV and its like) that is in memory; one `collection` bundle holds all of it. */
export function convertRows(bytes: Buffer, set: MappingSet, options: RowsOptions): ConvertedFile {
  const messages: ConvertedMessage[] = [];
  const collected = RowsConversion.collected();
  const conversion = new RowsConversion(set, options, {
    message: (one) => messages.push(one),
    resource: (one) => collected.add(one),
  });
  try {
    conversion.push(bytes);
    conversion.end();
  } catch (error) {
    if (!isEngineError(error, 'rejected')) throw error;
    const refusal = { code: error.code, message: error.message };
    const none = { map: undefined, report: undefined, lineage: undefined };
    messages.push({ number: messages.length + 1, type: '', ...none, refusal });
  }
  const bundle = collected.size === 0 ? undefined : bundleOf('collection', [...collected.texts]);
  return { bundle, messages, rows: conversion.summary };
}

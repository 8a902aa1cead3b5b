import { checkResource, type FhirObject, readJson, writeJson } from '#fhir';
import { type Criteria, compileCriteria } from '#search';
import { referencesOf } from '#store';
import type { ExportRequest } from './job.js';

/** What a record needs to be understood, but belongs to no patient. */
const nobodys = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'Medication',
  'Device',
  'Substance',
]);
const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};

/** Decides what of the walked resources is written out, and how. */
export class ExportFilter {
  private readonly filters = new Map<string, Criteria[]>();
  private readonly kept = new Map<string, (name: string) => boolean>();

  /** Throws `rejected` SEARCH_... for a filter that is no search. */
  constructor(private readonly request: ExportRequest) {
    for (const text of request.typeFilters) {
      const criteria = compileCriteria(text);
      this.filters.set(criteria.type, [...(this.filters.get(criteria.type) ?? []), criteria]);
    }
  }

  /** The line of a resource; undefined: it is not asked for. `patient`: whose record is walked. */
  line(type: string, id: string, text: string, patient: string | undefined): string | undefined {
    const { level, elements } = this.request;
    const filters = this.filters.get(type);
    if (level === 'system' && filters === undefined && elements.length === 0) return text;
    const content = JSON.parse(text) as object; // for looking only
    if (level !== 'system' && !belongs(type, id, content, patient)) return undefined;
    if (
      filters !== undefined &&
      !filters.some((one) => (one.ids?.includes(id) ?? true) && one.matches(content))
    )
      return undefined;
    return elements.length === 0 ? text : this.subset(type, text);
  }

  /** True when the deletion of such a resource is of what was asked for, as far as can still be known. */
  tellsDeletion(type: string): boolean {
    return !this.filters.has(type) && (this.request.level === 'system' || !nobodys.has(type));
  }

  private subset(type: string, text: string): string {
    const resource = readJson(text) as FhirObject;
    const isKept = this.keptOf(type);
    const subset: FhirObject = {};
    for (const [name, value] of Object.entries(resource)) {
      if (name === 'meta') subset['meta'] = withTag(value as FhirObject);
      else if (isKept(name.replace(/^_/, ''))) subset[name] = value;
    }
    return writeJson(subset);
  }

  /** Elements that were asked for, and those without which the type is not valid. */
  private keptOf(type: string): (name: string) => boolean {
    let isKept = this.kept.get(type);
    if (isKept === undefined) {
      const names = new Set(['resourceType', 'id']);
      for (const element of this.request.elements) {
        const [first = '', second] = element.split('.');
        if (second === undefined) names.add(first);
        else if (first === type) names.add(second);
      }
      for (const { path, kind } of checkResource({ resourceType: type, id: 'x' }))
        if (kind === 'required') names.add(path.split('.')[1]?.replace('[x]', '') ?? '');
      isKept = (name) => names.has(name) || names.has(name.replace(/[A-Z].*$/, ''));
      this.kept.set(type, isKept);
    }
    return isKept;
  }
}

function withTag(meta: FhirObject): FhirObject {
  const tags = Array.isArray(meta['tag']) ? meta['tag'] : [];
  return { ...meta, tag: [...tags, { ...SUBSETTED }] };
}

/** The R4 Patient compartment: the Patient, and what refers to one. */
function belongs(type: string, id: string, content: object, patient: string | undefined): boolean {
  if (type === 'Patient') return patient === undefined || id === patient;
  if (nobodys.has(type)) return false;
  const references = referencesOf(content);
  if (patient !== undefined) return references.has(`Patient/${patient}`);
  for (const reference of references) if (reference.startsWith('Patient/')) return true;
  return false;
}

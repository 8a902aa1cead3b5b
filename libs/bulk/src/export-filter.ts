import { type FhirObject, readJson, writeJson } from '#fhir';
import { type Criteria, compileCriteria, subsetOf } from '#search';
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

/** Decides what of the walked resources is written out, and how. */
export class ExportFilter {
  private readonly subset: ReturnType<typeof subsetOf>;
  private readonly filters = new Map<string, Criteria[]>();

  /** Throws `rejected` SEARCH_... for a filter that is no search. */
  constructor(private readonly request: ExportRequest) {
    this.subset = subsetOf([['_elements', request.elements.join(',')]]);
    for (const text of request.typeFilters) {
      const criteria = compileCriteria(text);
      this.filters.set(criteria.type, [...(this.filters.get(criteria.type) ?? []), criteria]);
    }
  }

  /** The line of a resource; undefined: it is not asked for. `patient`: whose record is walked. */
  line(type: string, id: string, text: string, patient: string | undefined): string | undefined {
    const { level } = this.request;
    const filters = this.filters.get(type);
    if (level === 'system' && filters === undefined && this.subset === undefined) return text;
    const content = JSON.parse(text) as object; // for looking only
    if (level !== 'system' && !belongs(type, id, content, patient)) return undefined;
    if (
      filters !== undefined &&
      !filters.some((one) => (one.ids?.includes(id) ?? true) && one.matches(content))
    )
      return undefined;
    return this.subset === undefined ? text : writeJson(this.subset(readJson(text) as FhirObject));
  }

  /** True when the deletion of such a resource is of what was asked for, as far as can still be known. */
  tellsDeletion(type: string): boolean {
    return !this.filters.has(type) && (this.request.level === 'system' || !nobodys.has(type));
  }
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

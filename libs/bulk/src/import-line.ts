import { checkResource, type FhirObject, isResourceType, readJson } from '#fhir';
import { EngineError, isEngineError } from '#kernel';
import { outcomeLine } from './outcome-line.js';

/** A resource of a line, to be put in its place. */
export interface ImportLine {
  readonly number: number;
  readonly text: string;
  readonly type: string;
  readonly id: string;
  readonly resource: FhirObject;
}

/** What is wrong with a line. */
export interface LineProblem {
  readonly number: number;
  readonly code: string;
  readonly message: string;
  /** The element, where one is to blame. */
  readonly at: string | undefined;
}

/** Reads a line of NDJSON: a valid R4 resource with an id. */
export function readLine(text: string, number: number): ImportLine | LineProblem {
  try {
    const resource = readJson(text);
    if (typeof resource !== 'object' || resource === null || Array.isArray(resource))
      throw invalid('a line is one resource', undefined);
    const { resourceType: type, id } = resource as FhirObject;
    if (typeof type !== 'string' || !isResourceType(type))
      throw invalid('FHIR R4 has no such resource type', 'resourceType');
    if (type === 'Subscription')
      throw invalid('a Subscription is filed at /fhir/Subscription', 'resourceType');
    if (typeof id !== 'string' || !/^[A-Za-z0-9\-.]{1,64}$/.test(id))
      throw invalid(
        'an imported resource needs an id of 1 to 64 letters, digits, hyphens and dots',
        `${type}.id`,
      );
    const [first, ...more] = checkResource(resource as FhirObject);
    if (first !== undefined) {
      const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
      return { number, code: 'RESOURCE_INVALID', message: first.message + rest, at: first.path };
    }
    return { number, text, type, id, resource: resource as FhirObject };
  } catch (error) {
    return problemOf(error, number);
  }
}

/** What a line is refused for. Throws what is no fault of the line. */
export function problemOf(error: unknown, number: number): LineProblem {
  if (!isEngineError(error) || error.kind !== 'rejected') throw error;
  const { code, message, cause } = error;
  const at = typeof cause === 'object' && cause !== null ? (cause as { at?: unknown }).at : undefined;
  return { number, code, message, at: typeof at === 'string' ? at : undefined };
}

/** The OperationOutcome that tells of it. */
export function outcomeOf({ number, code, message, at }: LineProblem): string {
  return outcomeLine({ code, message, at, diagnostics: `line ${number}` });
}

function invalid(message: string, at: string | undefined): EngineError {
  return new EngineError('rejected', 'IMPORT_LINE_INVALID', message, { cause: { at } });
}

import type { FhirObject } from '#fhir';
import { EngineError } from '#kernel';
import { isObject } from './fhir-tree.js';
import { type HttpRequest, queryPairs } from './http-exchange.js';
import { isGeneralParameter } from './representation.js';
import { ofType, readBody } from './request-body.js';

/** Simple parameters of an operation by name; those that repeat in order. */
export type OperationParameters = ReadonlyMap<string, readonly string[]>;

/** Most values in one request. */
const MAX_VALUES = 1_000;

/**
 * The simple input parameters of an operation, from the query and from a Parameters resource in the body (R4 operations,
 * section 3.2.0.1). Throws `rejected` OPERATION_PARAMETER_INVALID for a name that is not in `known`, or no simple value.
 */
export function operationParameters(request: HttpRequest, known: readonly string[]): OperationParameters {
  const found = new Map<string, string[]>();
  const pairs = queryPairs(request.url).filter(([name]) => !isGeneralParameter(name));
  pairs.push(...bodyPairs(request));
  if (pairs.length > MAX_VALUES) throw invalid('Parameters', `at most ${MAX_VALUES} values`);
  for (const [name, value] of pairs) {
    if (!known.includes(name)) {
      const shown = name.slice(0, 64);
      throw invalid(shown, `the operation has no parameter '${shown}'; it has ${known.join(', ')}`);
    }
    const values = found.get(name);
    if (values) values.push(value);
    else found.set(name, [value]);
  }
  return found;
}

/** The parameters of a Parameters resource in the body; of a Reference, what it refers to. None where there is no body. */
export function bodyPairs(request: HttpRequest): [name: string, value: string][] {
  if (request.body === undefined || request.body === '') return [];
  const parameters = ofType(readBody(request, 'Parameters'), 'Parameters')['parameter'] ?? [];
  if (!Array.isArray(parameters)) throw invalid('Parameters.parameter', 'write a list');
  return parameters.map((parameter) => {
    const { name, ...rest } = parameter as FhirObject;
    const given = Object.entries(rest).find(([key]) => key.startsWith('value'))?.[1];
    const value = isObject(given) ? given['reference'] : given;
    const isSimple = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (typeof name !== 'string' || !isSimple) {
      throw invalid('Parameters.parameter', 'write each with a name and a simple value, or a reference');
    }
    return [name, String(value)];
  });
}

function invalid(at: string, message: string): EngineError {
  return new EngineError('rejected', 'OPERATION_PARAMETER_INVALID', message, { cause: { at } });
}

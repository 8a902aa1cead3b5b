import { Decimal, type FhirObject, type FhirValue } from '#fhir';

/**
 * Values by a short path: `Patient.name.family`, `Observation[code.coding.code=2823-3].valueQuantity.value`,
 * `Patient.identifier[1].value`. Lists are walked through; `[n]` counts from 0, `[path=value]` filters. `resolve()` goes on
 * in the resource that a reference names: `Observation.subject.resolve().name.family`.
 */
export function findValues(resources: readonly FhirObject[], path: string): readonly FhirValue[] {
  let values: FhirValue[] = [...resources];
  steps(path).forEach(({ name, filter }, i) => {
    const next =
      i === 0
        ? values.filter((value) => isObject(value) && value['resourceType'] === name)
        : name === 'resolve()'
          ? values.flatMap((value) => resources.filter((one) => isObject(value) && isNamed(one, value)))
          : values.flatMap((value) => (isObject(value) ? listOf(value[name]) : []));
    values = filter === undefined ? next : applyFilter(next, filter);
  });
  return values;
}

interface Step {
  readonly name: string;
  readonly filter: string | undefined;
}

function steps(path: string): Step[] {
  const found: Step[] = [];
  const pattern = /([A-Za-z_][A-Za-z0-9]*(?:\(\))?)(?:\[([^\]]*)\])?(?:\.|$)/y;
  while (pattern.lastIndex < path.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(path);
    if (!match) throw new Error(`'${path.slice(at)}' is no path`);
    found.push({ name: match[1] ?? '', filter: match[2] });
  }
  return found;
}

function applyFilter(values: FhirValue[], filter: string): FhirValue[] {
  if (/^\d+$/.test(filter)) return values.slice(Number(filter), Number(filter) + 1);
  const at = filter.indexOf('=');
  if (at < 0) throw new Error(`'[${filter}]' is no filter`);
  const path = filter.slice(0, at).split('.');
  const wanted = filter.slice(at + 1);
  return values.filter((value) => {
    let inner: FhirValue[] = [value];
    for (const name of path) inner = inner.flatMap((one) => (isObject(one) ? listOf(one[name]) : []));
    return inner.some((one) => valueText(one) === wanted);
  });
}

function isNamed({ resourceType, id }: FhirObject, value: FhirObject): boolean {
  return (
    typeof resourceType === 'string' &&
    typeof id === 'string' &&
    value['reference'] === `${resourceType}/${id}`
  );
}

function listOf(value: FhirValue | undefined): FhirValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isObject(value: FhirValue): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

/** A value as a test file writes it; decimals with their digits. */
export function valueText(value: FhirValue): string {
  if (value instanceof Decimal) return value.text;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

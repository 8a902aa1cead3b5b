import { Decimal, type ElementType, elementType, type FhirValue, typeKind } from '#fhir';
import { suggestion } from '../language/problems.js';
import { mistake, type Scope } from './scope.js';

/** Checks a `value:` against the element it is for and returns it as FHIR data; undefined, and a problem, when wrong. */
export function checkConstant(
  value: unknown,
  element: ElementType,
  type: string,
  scope: Scope,
): FhirValue | undefined {
  if (Array.isArray(value)) {
    mistake(scope, 0, 'MAPPING_CONSTANT', `value holds one ${element.path}`, 'write one `- value:` for each');
    return undefined;
  }
  return checkOne(value, element, type, scope);
}

function checkOne(value: unknown, element: ElementType, type: string, scope: Scope): FhirValue | undefined {
  if (typeKind(type) === 'primitive' && !element.backbone) return checkPrimitive(value, element, type, scope);
  if (typeof value !== 'object' || value === null)
    return mistake(
      scope,
      0,
      'MAPPING_CONSTANT',
      `${element.path} is a ${type}, not a plain value`,
      'write its members below value:',
    );
  const owner = element.backbone ? element.path : type;
  const out: Record<string, FhirValue> = {};
  for (const [name, member] of Object.entries(value)) {
    const child = elementType(owner, name);
    if (!child.known)
      return mistake(
        scope,
        0,
        'MAPPING_TARGET_PATH',
        `${owner} has no element '${name}'`,
        suggestion(child.nearest, child.children, 'remove it'),
      );
    const [only = ''] = child.types;
    const wantsList = child.max > 1;
    if (Array.isArray(member) !== wantsList)
      return mistake(
        scope,
        0,
        'MAPPING_CARDINALITY',
        `${child.path} ${wantsList ? 'is a list' : 'is one value'}`,
        wantsList ? 'write - before it' : 'remove the list',
      );
    const items = Array.isArray(member) ? member : [member];
    const checked = items.map((item) => checkOne(item, child, only, scope));
    const good = checked.filter((item) => item !== undefined);
    const [first] = good;
    if (good.length < items.length || first === undefined) return undefined;
    out[name] = wantsList ? good : first;
  }
  return isBound(out, element, type)
    ? out
    : mistake(
        scope,
        0,
        'MAPPING_BINDING',
        `no coding of it is one that ${element.path} takes`,
        `use a code of ${[...(element.binding?.systems.keys() ?? [])].join(', ')}`,
      );
}

/** Codings that a required binding does not have make the resource invalid. */
function isBound(
  value: Readonly<Record<string, FhirValue>>,
  { binding }: ElementType,
  type: string,
): boolean {
  if (!binding || binding.systems.size === 0) return true;
  const has = (coding: FhirValue): boolean => {
    const { system, code } = coding as Readonly<Record<string, unknown>>;
    return (
      typeof system === 'string' &&
      typeof code === 'string' &&
      binding.systems.get(system)?.has(code) === true
    );
  };
  if (type === 'Coding') return has(value);
  if (type !== 'CodeableConcept') return true;
  const { coding } = value;
  return Array.isArray(coding) && coding.some(has);
}

function checkPrimitive(
  value: unknown,
  element: ElementType,
  type: string,
  scope: Scope,
): FhirValue | undefined {
  const fits =
    type === 'boolean'
      ? typeof value === 'boolean'
      : type === 'decimal' || type === 'integer' || type === 'positiveInt' || type === 'unsignedInt'
        ? typeof value === 'number'
        : typeof value === 'string';
  if (!fits)
    return mistake(scope, 0, 'MAPPING_CONSTANT', `${element.path} is a ${type}`, 'correct the value');
  const { binding } = element;
  if (typeof value === 'string' && binding && type === 'code') {
    const codes = [...binding.systems.values()].flatMap((set) => [...set]);
    if (codes.length > 0 && !codes.includes(value))
      return mistake(
        scope,
        0,
        'MAPPING_BINDING',
        `'${value}' is no code of ${element.path}`,
        `use one of: ${codes.slice(0, 20).join(', ')}`,
      );
  }
  return type === 'decimal' ? Decimal.of(String(value)) : (value as FhirValue);
}

import { bundleEntryRule, bundleRule } from './bundle-rules.js';
import {
  all,
  asObject,
  atLeastOne,
  choice,
  codings,
  has,
  hasCode,
  inOrder,
  list,
  numberOf,
  type Rule,
  rule,
  textOf,
} from './rule.js';
import type { FhirObject } from './write-json.js';

/**
 * The invariants of R4 that a conversion can break, written by hand: a FHIRPath engine would take a hundred times as
 * long. The key in front of each message is the key of the constraint in the R4 definitions.
 */

const unit = rule(
  'qty-3',
  'a code for the unit needs its system',
  (q) => !has(q, 'code') || has(q, 'system'),
);

const ucumSystem = 'http://unitsofmeasure.org';
const ucum = (key: string): Rule =>
  rule(key, 'a value needs a code of UCUM', (q) => {
    return (has(q, 'code') || !has(q, 'value')) && (!has(q, 'system') || q['system'] === ucumSystem);
  });

function isCount(q: FhirObject): boolean {
  if (has(q, 'value') && q['code'] !== '1') return false;
  if (has(q, 'code') && q['code'] !== '1') return false;
  if (has(q, 'system') && q['system'] !== ucumSystem) return false;
  return Number.isInteger(numberOf(q['value']) ?? 0);
}

const notHome = (key: string, name: string): Rule =>
  rule(key, `an organisation has no ${name} of use home`, (value) =>
    list(value[name]).every((item) => asObject(item)?.['use'] !== 'home'),
  );

const terminology = 'http://terminology.hl7.org/CodeSystem';
const enteredInError =
  (system: string) =>
  (value: FhirObject): boolean =>
    hasCode(value['verificationStatus'], `${terminology}/${system}`, 'entered-in-error');
const wrongAllergy = enteredInError('allergyintolerance-verification');
const wrongCondition = enteredInError('condition-ver-status');

const rules: Readonly<Record<string, Rule>> = {
  Extension: rule(
    'ext-1',
    'an extension has a value or extensions, not both',
    (value) => has(value, 'extension') !== choice(value, 'value') || companionValue(value),
  ),
  Period: rule('per-1', 'the start is not after the end', (value) => inOrder(value['start'], value['end'])),
  Range: rule('rng-2', 'low is not above high', ({ low, high }) => {
    const [from, to] = [asObject(low), asObject(high)];
    if (from?.['unit'] !== to?.['unit'] || from?.['code'] !== to?.['code']) return true;
    return (
      (numberOf(from?.['value']) ?? Number.NEGATIVE_INFINITY) <=
      (numberOf(to?.['value']) ?? Number.POSITIVE_INFINITY)
    );
  }),
  Ratio: rule('rat-1', 'numerator and denominator, both or none with an extension', (value) =>
    has(value, 'numerator')
      ? has(value, 'denominator')
      : !has(value, 'denominator') && has(value, 'extension'),
  ),
  Quantity: unit,
  Age: all(
    unit,
    ucum('age-1'),
    rule('age-1', 'an age is above zero', (q) => (numberOf(q['value']) ?? 1) > 0),
  ),
  Duration: rule('drt-1', 'a code needs a value and the system of UCUM', (q) => {
    return !has(q, 'code') || (q['system'] === ucumSystem && has(q, 'value'));
  }),
  Count: all(unit, rule('cnt-3', 'a count is a whole number of unit 1 in UCUM', isCount)),
  Distance: all(unit, ucum('dis-1')),
  ContactPoint: rule(
    'cpt-2',
    'a value needs a system',
    (value) => !has(value, 'value') || has(value, 'system'),
  ),
  Attachment: rule(
    'att-1',
    'data needs a contentType',
    (value) => !has(value, 'data') || has(value, 'contentType'),
  ),
  'Timing.repeat': all(
    rule(
      'tim-1',
      'a duration needs its unit',
      (value) => !has(value, 'duration') || has(value, 'durationUnit'),
    ),
    rule('tim-2', 'a period needs its unit', (value) => !has(value, 'period') || has(value, 'periodUnit')),
    rule('tim-6', 'periodMax needs a period', (value) => !has(value, 'periodMax') || has(value, 'period')),
    rule(
      'tim-7',
      'durationMax needs a duration',
      (value) => !has(value, 'durationMax') || has(value, 'duration'),
    ),
    rule('tim-8', 'countMax needs a count', (value) => !has(value, 'countMax') || has(value, 'count')),
    rule('tim-9', 'an offset needs an event, and not a meal as such', (value) => {
      const meals = ['C', 'CM', 'CD', 'CV'];
      return (
        !has(value, 'offset') ||
        (has(value, 'when') && !list(value['when']).some((when) => meals.includes(textOf(when))))
      );
    }),
    rule(
      'tim-10',
      'timeOfDay or when, not both',
      (value) => !(has(value, 'timeOfDay') && has(value, 'when')),
    ),
  ),
  Bundle: bundleRule,
  'Bundle.entry': bundleEntryRule,
  'Parameters.parameter': rule('inv-1', 'a value, a resource or parts, one of them', (value) => {
    return Number(has(value, 'part')) + Number(has(value, 'resource')) + Number(choice(value, 'value')) === 1;
  }),
  Observation: all(
    rule('obs-6', 'no dataAbsentReason beside a value', (value) => {
      return !(has(value, 'dataAbsentReason') && choice(value, 'value'));
    }),
    rule('obs-7', 'no value where a component has the code of the observation', (value) => {
      if (!has(value, 'component') || !choice(value, 'value')) return true;
      const own = codings(value['code']);
      return list(value['component']).every((part) =>
        codings(asObject(part)?.['code']).every((key) => !own.includes(key)),
      );
    }),
  ),
  'Observation.referenceRange': atLeastOne('obs-3', 'low', 'high', 'text'),
  'Patient.contact': atLeastOne('pat-1', 'name', 'telecom', 'address', 'organization'),
  Organization: all(
    atLeastOne('org-1', 'identifier', 'name'),
    notHome('org-2', 'address'),
    notHome('org-3', 'telecom'),
  ),
  AllergyIntolerance: all(
    rule(
      'ait-1',
      'a clinicalStatus is needed unless entered in error',
      (value) => wrongAllergy(value) || has(value, 'clinicalStatus'),
    ),
    rule(
      'ait-2',
      'no clinicalStatus when entered in error',
      (value) => !(wrongAllergy(value) && has(value, 'clinicalStatus')),
    ),
  ),
  Condition: all(
    rule(
      'con-4',
      'what has abated is inactive, in remission or resolved',
      (value) =>
        !choice(value, 'abatement') ||
        hasCode(
          value['clinicalStatus'],
          `${terminology}/condition-clinical`,
          'inactive',
          'resolved',
          'remission',
        ),
    ),
    rule(
      'con-5',
      'no clinicalStatus when entered in error',
      (value) => !(wrongCondition(value) && has(value, 'clinicalStatus')),
    ),
  ),
  'Condition.evidence': atLeastOne('con-2', 'code', 'detail'),
  'Condition.stage': atLeastOne('con-1', 'summary', 'assessment'),
  'Immunization.education': atLeastOne('imm-1', 'documentType', 'reference'),
  Appointment: all(
    rule('app-2', 'start and end, both or none', (value) => has(value, 'start') === has(value, 'end')),
    rule(
      'app-3',
      'only a proposed, cancelled or waitlisted appointment has no time',
      (value) =>
        (has(value, 'start') && has(value, 'end')) ||
        ['proposed', 'cancelled', 'waitlist'].includes(textOf(value['status'])),
    ),
  ),
  'Appointment.participant': atLeastOne('app-1', 'type', 'actor'),
  'Composition.section': all(
    atLeastOne('cmp-1', 'text', 'entry', 'section'),
    rule(
      'cmp-2',
      'no emptyReason beside entries',
      (value) => !(has(value, 'emptyReason') && has(value, 'entry')),
    ),
  ),
  FamilyMemberHistory: all(
    rule('fhs-1', 'age or born, not both', (value) => !(choice(value, 'age') && choice(value, 'born'))),
    rule(
      'fhs-2',
      'estimatedAge needs an age',
      (value) => !has(value, 'estimatedAge') || choice(value, 'age'),
    ),
  ),
  'MedicationAdministration.dosage': rule(
    'mad-1',
    'a dose or a rate is needed',
    (value) => has(value, 'dose') || choice(value, 'rate'),
  ),
  MedicationDispense: rule('mdd-1', 'handed over after it was prepared', (value) =>
    inOrder(value['whenPrepared'], value['whenHandedOver']),
  ),
  Consent: atLeastOne('ppc-1', 'policy', 'policyRule'),
  'Goal.target': rule(
    'gol-1',
    'a detail needs a measure',
    (value) => !choice(value, 'detail') || has(value, 'measure'),
  ),
  Group: rule(
    'grp-1',
    'only an actual group has members',
    (value) => !has(value, 'member') || value['actual'] === true,
  ),
  List: rule(
    'lst-1',
    'no emptyReason beside entries',
    (value) => !(has(value, 'emptyReason') && has(value, 'entry')),
  ),
  'AuditEvent.entity': rule(
    'sev-1',
    'a name or a query, not both',
    (value) => !(has(value, 'name') && has(value, 'query')),
  ),
  ServiceRequest: rule(
    'prr-1',
    'orderDetail needs a code',
    (value) => !has(value, 'orderDetail') || has(value, 'code'),
  ),
  'CarePlan.activity': rule(
    'cpl-3',
    'a reference or a detail, not both',
    (value) => !(has(value, 'reference') && has(value, 'detail')),
  ),
};

function companionValue(value: FhirObject): boolean {
  for (const name in value) if (name.startsWith('_value')) return !has(value, 'extension');
  return false;
}

const compiled = new Map(Object.entries(rules));

/** The invariants of the type or nested element at `path`, if it has any here. */
export function ruleOf(path: string): Rule | undefined {
  return compiled.get(path);
}

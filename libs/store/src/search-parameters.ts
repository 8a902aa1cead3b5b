import { isResourceType } from '#fhir';

/** How the values of a parameter are compared (R4 search, section 3.1.1.4). More kinds join here. */
export type SearchKind = 'token' | 'reference';

/** One search parameter of one resource type, compiled to an extractor. */
export interface SearchParameter {
  readonly name: string;
  readonly kind: SearchKind;
  /** The only type that the references of this parameter count for; undefined: any. */
  readonly target: string | undefined;
  /** The elements it looks at, each once, lists flattened. */
  readonly values: (resource: object) => unknown[];
}

interface ParameterRow {
  readonly name: string;
  readonly kind: SearchKind;
  /** Paths below the resource, `|` between alternatives: the R4 expressions, of which only these forms are needed yet. */
  readonly paths: string;
  readonly types: string;
}

/** The table that grows: R4 SearchParameter definitions (hl7.org/fhir/R4/searchparameter-registry.html). */
const parameterRows: readonly ParameterRow[] = [
  {
    name: 'identifier',
    kind: 'token',
    paths: 'identifier',
    types:
      'Account ActivityDefinition AllergyIntolerance Appointment AppointmentResponse Basic BodyStructure ' +
      'Bundle CarePlan CareTeam ChargeItem ChargeItemDefinition Claim ClaimResponse ClinicalImpression ' +
      'CodeSystem Communication CommunicationRequest Composition ConceptMap Condition Consent Contract ' +
      'Coverage CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device ' +
      'DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport ' +
      'EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare ' +
      'EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory ' +
      'Flag Goal Group GuidanceResponse HealthcareService ImagingStudy Immunization ' +
      'ImmunizationEvaluation ImmunizationRecommendation InsurancePlan Invoice Library List Location ' +
      'Measure MeasureReport Media Medication MedicationAdministration MedicationDispense ' +
      'MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization ' +
      'MedicinalProductPackaged MedicinalProductPharmaceutical MessageDefinition MolecularSequence ' +
      'NutritionOrder Observation Organization OrganizationAffiliation Patient PaymentNotice ' +
      'PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure Questionnaire ' +
      'QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ' +
      'ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule ServiceRequest Slot ' +
      'Specimen SpecimenDefinition StructureDefinition StructureMap Substance SupplyDelivery ' +
      'SupplyRequest Task TestReport TestScript ValueSet VisionPrescription',
  },
  {
    name: 'identifier',
    kind: 'token',
    paths: 'masterIdentifier|identifier',
    types: 'DocumentManifest DocumentReference',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'actor',
    types: 'AppointmentResponse',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'agent.who|entity.what',
    types: 'AuditEvent',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'beneficiary',
    types: 'Coverage',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'candidate',
    types: 'EnrollmentRequest',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'for',
    types: 'Task',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'individual',
    types: 'ResearchSubject',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'link.target',
    types: 'Person',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'participant.actor',
    types: 'Appointment',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'patient',
    types:
      'AllergyIntolerance BodyStructure Claim ClaimResponse Consent CoverageEligibilityRequest ' +
      'CoverageEligibilityResponse DetectedIssue Device EpisodeOfCare ExplanationOfBenefit ' +
      'FamilyMemberHistory Immunization ImmunizationEvaluation ImmunizationRecommendation ' +
      'MolecularSequence NutritionOrder RelatedPerson SupplyDelivery VisionPrescription',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'subject',
    types:
      'Account Basic CarePlan CareTeam ChargeItem ClinicalImpression Communication CommunicationRequest ' +
      'Composition Condition Contract DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest ' +
      'DocumentReference Encounter Flag Goal GuidanceResponse ImagingStudy Invoice List MeasureReport ' +
      'Media MedicationAdministration MedicationDispense MedicationRequest MedicationStatement ' +
      'Observation Procedure QuestionnaireResponse RequestGroup RiskAssessment ServiceRequest Specimen',
  },
  {
    name: 'patient',
    kind: 'reference',
    paths: 'target',
    types: 'Provenance',
  },
  {
    name: 'subject',
    kind: 'reference',
    paths: 'candidate',
    types: 'EnrollmentRequest',
  },
  {
    name: 'subject',
    kind: 'reference',
    paths: 'deliverTo',
    types: 'SupplyRequest',
  },
  {
    name: 'subject',
    kind: 'reference',
    paths: 'for',
    types: 'Task',
  },
  {
    name: 'subject',
    kind: 'reference',
    paths: 'subject',
    types:
      'Account AdverseEvent Basic CarePlan CareTeam ChargeItem ClinicalImpression Communication ' +
      'CommunicationRequest Composition Condition Contract DeviceRequest DeviceUseStatement ' +
      'DiagnosticReport DocumentManifest DocumentReference Encounter Flag Goal GuidanceResponse ' +
      'ImagingStudy Invoice List MeasureReport Media MedicationAdministration MedicationDispense ' +
      'MedicationRequest MedicationStatement MedicinalProductAuthorization ' +
      'MedicinalProductContraindication MedicinalProductIndication MedicinalProductInteraction ' +
      'MedicinalProductPackaged MedicinalProductUndesirableEffect Observation Procedure ' +
      'QuestionnaireResponse RequestGroup RiskAssessment ServiceRequest Specimen',
  },
];

const byType = new Map<string, ReadonlyMap<string, SearchParameter>>();

/** The parameters of a resource type that look at its content, by name; none for a name that is no R4 resource type. */
export function parametersOf(type: string): ReadonlyMap<string, SearchParameter> {
  let parameters = byType.get(type);
  if (parameters) return parameters;
  parameters = compileParameters(type);
  if (isResourceType(type)) byType.set(type, parameters); // only R4 names, so the map is bounded
  return parameters;
}

function compileParameters(type: string): ReadonlyMap<string, SearchParameter> {
  const parameters = new Map<string, SearchParameter>();
  for (const { name, kind, paths, types } of parameterRows) {
    if (!types.split(' ').includes(type)) continue;
    const target = name === 'patient' ? 'Patient' : undefined;
    parameters.set(name, { name, kind, target, values: extractor(paths) });
  }
  return parameters;
}

function extractor(paths: string): (resource: object) => unknown[] {
  const steps = paths.split('|').map((path) => path.split('.'));
  return (resource) => {
    const found: unknown[] = [];
    for (const path of steps) collect(resource, path, 0, found);
    return found;
  };
}

function collect(value: unknown, path: readonly string[], depth: number, found: unknown[]): void {
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) collect(item, path, depth, found);
    return;
  }
  const name = path[depth];
  if (name === undefined) {
    if (value !== undefined && value !== null) found.push(value);
  } else if (typeof value === 'object' && value !== null) {
    collect((value as Record<string, unknown>)[name], path, depth + 1, found);
  }
}

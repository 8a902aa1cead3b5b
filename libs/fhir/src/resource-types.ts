import { EngineError } from '#kernel';

/**
 * The 146 concrete resource types of R4 in alphabetical order. The index is the code that the database stores:
 * this list never changes its order, and a new name may only be added at the end.
 */
export const resourceTypes: readonly string[] = (
  'Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse ' +
  'AuditEvent Basic Binary BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan ' +
  'CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim ClaimResponse ClinicalImpression ' +
  'CodeSystem Communication CommunicationRequest CompartmentDefinition Composition ConceptMap Condition ' +
  'Consent Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue ' +
  'Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport ' +
  'DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest ' +
  'EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ' +
  'ExplanationOfBenefit FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse ' +
  'HealthcareService ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation ' +
  'ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure MeasureReport Media ' +
  'Medication MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest ' +
  'MedicationStatement MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication ' +
  'MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction ' +
  'MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical ' +
  'MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem ' +
  'NutritionOrder Observation ObservationDefinition OperationDefinition OperationOutcome Organization ' +
  'OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition ' +
  'Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson ' +
  'RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject ' +
  'RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen ' +
  'SpecimenDefinition StructureDefinition StructureMap Subscription Substance SubstanceNucleicAcid ' +
  'SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial ' +
  'SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport ' +
  'TestScript ValueSet VerificationResult VisionPrescription'
).split(' ');

const codes: ReadonlyMap<string, number> = new Map(resourceTypes.map((name, code) => [name, code]));

/** True when `name` is a concrete R4 resource type. */
export function isResourceType(name: string): boolean {
  return codes.has(name);
}

/** The code of a resource type; `rejected` when R4 has no such type. */
export function resourceTypeCode(name: string): number {
  const code = codes.get(name);
  if (code === undefined) {
    throw new EngineError('rejected', 'FHIR_TYPE_UNKNOWN', 'the resource type is none of FHIR R4');
  }
  return code;
}

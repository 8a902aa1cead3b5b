/** Why official examples of R4 are refused, and rightly: each was looked at. */
export const trueReasons: readonly { readonly found: RegExp; readonly because: string }[] = [
  {
    found: /^required Questionnaire\.item\.item(?:\.item)*\.linkId: /,
    because: 'items without a linkId, which is required',
  },
  {
    found: /^required SearchParameter\.base: /,
    because: 'search parameters without a base, which is required',
  },
  { found: /^required ImplementationGuide\.(?:name|status): /, because: 'guides without name and status' },
  {
    found: /^target ImplementationGuide\.manifest\.resource\.reference\.reference: /,
    because: 'a reference that is no URL and names no type and id',
  },
  {
    found:
      /^target (?:DeviceMetric\.parent|DeviceUseStatement\.reasonReference|MedicationRequest\.dispenseRequest\.performer|Observation\.performer)\.reference: /,
    because: 'references to types that are not among the targets',
  },
  { found: /^rule Bundle\.entry: bdl-7: /, because: 'a fullUrl that several entries have' },
  {
    found: /^rule StructureDefinition: sdf-4: /,
    because: 'logical models that are not abstract and have no baseDefinition',
  },
  {
    found: /^format (?:ActivityDefinition|EventDefinition|Questionnaire)\.text\.div: /,
    because: 'narratives with nothing to see in them (txt-2)',
  },
  { found: /^format SearchParameter\.id: /, because: 'an id of more than 64 characters' },
];

/** What the clients of these tests send, and how they look at what they get. */
export type Json = Record<string, unknown>;

/** Found again by `identifier=<family>`. */
export function patientCalled(family: string): Json & { resourceType: 'Patient' } {
  const identifier = [{ system: 'urn:oid:2.999.1.7', value: family }];
  return { resourceType: 'Patient', identifier, name: [{ family, given: ['Ada'] }] };
}

export function observationOf(reference: string): Json & { resourceType: 'Observation' } {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
    subject: { reference },
    valueQuantity: { value: 70.5, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
  };
}

/** A Patient and an Observation that names it before either has an id. */
export function transactionOf(family: string): Json & { resourceType: 'Bundle' } {
  const fullUrl = 'urn:uuid:7d2a4f0e-2f0a-4a53-9b5c-0d6f2f3b8a11';
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl, resource: patientCalled(family), request: { method: 'POST', url: 'Patient' } },
      { resource: observationOf(fullUrl), request: { method: 'POST', url: 'Observation' } },
    ],
  };
}

export function familyOf(patient: unknown): string | undefined {
  return (patient as { name?: { family?: string }[] } | undefined)?.name?.[0]?.family;
}

export function resourcesIn(bundle: unknown): Json[] {
  const { entry = [] } = (bundle ?? {}) as { entry?: { resource?: Json }[] };
  return entry.flatMap(({ resource }) => (resource ? [resource] : []));
}

/** Elements that say whose a resource is, as R4 names them in its Patient compartment. */
const owners = ['subject', 'patient', 'beneficiary', 'for', 'individual', 'candidate', 'actor'] as const;
const PATIENT = /^(Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/|$)/;

/**
 * `Patient/id` of the Patient whose record a resource belongs to by what it says itself: a Patient to its own. undefined
 * where it does not say so.
 */
export function patientNamed(resource: object): string | undefined {
  const content = resource as Readonly<Record<string, unknown>>;
  if (content['resourceType'] === 'Patient') return `Patient/${content['id'] as string}`;
  for (const name of owners) {
    const found = referenceOf(content[name]);
    if (found !== undefined) return found;
  }
  // Those of an Appointment.
  const { participant } = content;
  if (!Array.isArray(participant)) return undefined;
  for (const one of participant) {
    const found = referenceOf((one as { actor?: unknown } | null)?.actor);
    if (found !== undefined) return found;
  }
  return undefined;
}

function referenceOf(element: unknown): string | undefined {
  if (typeof element !== 'object' || element === null || !('reference' in element)) return undefined;
  const { reference } = element;
  if (typeof reference !== 'string' || !reference.startsWith('Patient/')) return undefined;
  return PATIENT.exec(reference)?.[1];
}

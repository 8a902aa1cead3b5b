import { expect, test } from '@jest/globals';
import { SAMPLE_PATIENT } from './samples.js';
import type { FhirBody, Scene } from './scene.js';

/** The API shows what the messages of the samples became. */
export function resourcesAreRead(scene: () => Scene): void {
  const resources = ({ entry = [] }: FhirBody) => entry.map(({ resource }) => resource);
  const patientId = async () => {
    const { body } = await scene().fhir(`Patient?identifier=${SAMPLE_PATIENT}`);
    return resources(body)[0]?.id ?? 'none';
  };

  test('a patient is found by identifier and by id, and read with its version', async () => {
    const id = await patientId();
    const read = await scene().fhir(`Patient/${id}`);
    expect([read.status, read.body.resourceType, read.body.id]).toEqual([200, 'Patient', id]);
    expect(read.headers.get('etag')).toBe(`W/"${read.body.meta?.versionId ?? ''}"`);
    const byId = await scene().fhir(`Patient?_id=${id}`);
    expect(resources(byId.body).map((patient) => patient?.id)).toEqual([id]);
  });

  test('every version of the patient is in its history and can be read by itself', async () => {
    const id = await patientId();
    const { body } = await scene().fhir(`Patient/${id}/_history`);
    const versions = resources(body).map((patient) => patient?.meta?.versionId);
    expect(versions.length).toBeGreaterThan(1);
    expect(versions).toEqual(versions.map((_, index) => String(versions.length - index)));
    for (const version of versions) {
      const read = await scene().fhir(`Patient/${id}/_history/${version ?? ''}`);
      expect([read.status, read.body.meta?.versionId]).toEqual([200, version]);
    }
  });

  test('results are found by patient and by subject, with the digits that the laboratory sent', async () => {
    const id = await patientId();
    const byPatient = await scene().fhir(`Observation?patient=Patient/${id}&_count=100`);
    const bySubject = await scene().fhir(`Observation?subject=Patient/${id}&_count=100`);
    expect(resources(byPatient.body).length).toBeGreaterThan(8);
    expect(resources(bySubject.body)).toEqual(resources(byPatient.body));
    expect(byPatient.text).toMatch(/"value": ?6\.80\b/);
  });

  test('what does not exist is an OperationOutcome with 404', async () => {
    const { status, body } = await scene().fhir('Patient/no-such-patient');
    expect([status, body.resourceType]).toEqual([404, 'OperationOutcome']);
  });
}
